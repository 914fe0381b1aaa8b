"""From stored cells to tables, statistics, figures and pages. This file is the one door for the rest of the project.

Directly here stand the commands people type (`build`, `compare`, `paper`, `assets`); the work is done in the rooms
below: `text` and `statistics`, on them `tables` and `figures`, on those `page` (a study's whole report), `comparison`
and `document`. Rooms read stored cells and never import torch; what they show of a data set they are given a reader
for. Importing this file loads neither matplotlib nor pandas: each function fetches its room when it is called.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.trial import Trial
from reports.tables.marks import Best, Marks, Stars

if TYPE_CHECKING:
    from bench.storage.store import Store
    from reports.figures.scenes import ReadScenes
    from reports.page.report import Report

__all__ = ["Best", "Marks", "Stars", "Trial", "check_methods", "draw_search", "write_report"]


def write_report(
    store: "Store",
    study: str,
    scenes: "ReadScenes",
    out: Path | None = None,
    *,
    marks: Marks | None = None,
    again: bool = False,
) -> "Report":
    """Writes a study's tables, figures and page from what the store holds now.

    Args:
        store: Where the study was planned.
        study: Its name.
        scenes: Reads the pictures and true masks of a cell's data set, from the cell's stored configuration.
        out: Folder to write to; None: `reports/<study>` in the store.
        marks: Which numbers stand out; None: what a test tells from others.
        again: Make it even if nothing changed.

    Raises:
        UserError: The store holds no such study.
    """
    from reports.page import report

    return report.write_report(store, study, scenes, out, marks=marks, again=again)


def check_methods(names: Sequence[str], source: str) -> None:
    """Refuses names of published methods that no number is on file of.

    Args:
        names: As a study's `published` lists them.
        source: Where they were read, for the message.

    Raises:
        UserError: Naming the nearest known method.
    """
    from reports.statistics import published

    published.check_methods(names, source)


def draw_search(
    trials: Sequence[Trial], metric: str, importance: Mapping[str, float], folder: Path
) -> list[Path]:
    """Draws a hyper-parameter search: its history, what each value scored, and what mattered; returns the files.

    Args:
        trials: In the order they were begun; at least one finished.
        metric: What was searched for, on val.
        importance: How much of the scores' spread each key explains, largest first; empty: no such figure.
        folder: Where `history`, `values` and `importance` are written, as PNG and PDF.
    """
    from reports.figures import search

    return search.draw_search(trials, metric, importance, folder)
