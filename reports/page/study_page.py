"""The study's page: one static file that needs no network, no server and no build step."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup
from PIL import Image

from bench.storage.cell import Record
from bench.storage.mlflow_links import read_links
from bench.storage.store import Store
from reports.figures.scenes import ReadScenes
from reports.page.example_browser import browse
from reports.page.example_pictures import webp
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.samples import Samples
from reports.tables import formats
from reports.tables.evidence_notes import leaders
from reports.tables.grid import Grid, Note
from reports.tables.notes import missing_notes, protocol_notes
from reports.text.templates import asset, render

PAGE = "index.html"
SCRIPTS = ("page.js", "charts.js", "examples.js")
# figures that show pictures; all others stand on the page as charts
PICTURED = {
    "examples": ("Examples", "The largest gains, the median and the largest losses."),
    "failures": ("Failures", "Drawn by lot from the expressions that every row fails on."),
    "attention": ("What words do", "Context, object and position words at every stage of the model."),
}
QUALITY = 70  # of their WebP


def page_html(
    store: Store,
    frame: StudyFrame,
    evidence: Evidence,
    samples: Mapping[Place, Samples],
    grids: Sequence[Grid],
    figures: Sequence[Path],
    remarks: Sequence[str],
    folder: Path,
    read: ReadScenes,
) -> str:
    """The page as text; every string from a study or a data set is escaped.

    Args:
        store: For environments, logs and pictures.
        frame: The study.
        evidence: What the samples support.
        samples: By data set and split; `test` fills the browser of examples.
        grids: Tables from top to bottom.
        figures: Files; the PNGs are put into the page.
        remarks: What was left out and why.
        folder: Where the page will lie, for links to logs.
        read: Gives the pictures of the browser of examples.
    """
    from reports.page import charts  # loads altair: half a second that only a page is worth
    from reports.page.chart_theme import library, palette

    data = [
        browse(store, frame, found, dataset, read)
        for (dataset, split), found in samples.items()
        if split == "test"
    ]
    main = charts.main_charts(frame, evidence)
    others = list(charts.other_charts(store, frame, evidence, samples))
    specs = [chart.spec for chart in (*main, *others)] + [charts.filtered(frame)] * bool(data)
    rows = palette(frame)
    pictures = [
        _picture(path, frame) for path in figures if path.suffix == ".png" and _kind(path) in PICTURED
    ]
    tables = [replace(grid, notes=notes) for grid, notes in zip(grids, once(grids), strict=True)]
    missing = [*missing_said(frame), *remarks]
    cells = _cells(store, frame, folder)
    return render(
        "page.html.j2",
        {"cell": formats.html_cell, "value": _value},
        autoescape=True,
        grid=grids[0],
        tables=tables,
        sources=_json([{"tex": formats.latex(grid), "csv": formats.table_csv(grid)} for grid in grids]),
        leaders=leaders(frame, evidence),
        verdicts=evidence.verdicts,
        missing=missing,
        rows=rows,
        row_labels=_json([row["label"] for row in rows]),
        main_charts=main,
        charts=others,
        specs=_json(specs),
        filtered=len(specs) - 1,
        figures=pictures,
        examples=_json(data),
        has_examples=bool(data),
        protocol=_protocol(frame),
        environment=_environment(store, frame),
        cells=cells,
        said=_summaries(evidence, others, pictures, data, tables, missing, cells),
        css=asset("page.css"),
        js=Markup("").join(map(asset, SCRIPTS)),
        library=library(),
    )


def _summaries(
    evidence: Evidence,
    charts: Sequence[Any],
    pictures: Sequence[Any],
    data: Sequence[dict[str, Any]],
    tables: Sequence[Grid],
    missing: Sequence[str],
    cells: Sequence[Record],
) -> dict[str, str]:
    """What each folded part of the page says it holds."""
    states = Counter(str(cell["state"]) for cell in cells)
    outcomes = Counter(verdict.outcome for verdict in evidence.verdicts)
    pictured = sum(len(each["pictures"]) for each in data)
    main, *others = (grid.title for grid in tables)
    return {
        "expected": _counted(outcomes),
        "figures": f"{len(charts)} charts" + (f", {len(pictures)} figures with pictures" if pictures else ""),
        "examples": f"{sum(len(each['items']) for each in data):,} test expressions to filter, "
        f"{f'{pictured:,} with pictures' if pictured else 'no pictures'}",
        "tables": ", ".join(title.removeprefix(f"{main}: ") for title in others),
        "missing": f"{len(missing)} thing{'s' * (len(missing) > 1)}",
        "cells": _counted(states),
    }


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def once(grids: Sequence[Grid]) -> list[tuple[Note, ...]]:
    """The notes of each table that no table above it has said; those a letter refers to stay with their table."""
    said: set[Note] = set()
    kept = []
    for grid in grids:
        kept.append(tuple(note for note in grid.notes if note.marker or note not in said))
        said.update(note for note in grid.notes if not note.marker)
    return kept


def _json(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _value(cell: Any) -> str:
    """What a column is sorted by."""
    if cell.exact is None:
        return str(cell.text)
    return "" if cell.exact != cell.exact else repr(float(cell.exact))


def _kind(path: Path) -> str:
    return path.stem.partition("-")[0]


def _picture(path: Path, frame: StudyFrame) -> Record:
    """A figure's title, what it shows, its image as a data URL, its width and height."""
    title, said = PICTURED[_kind(path)]
    on = f", {path.stem.partition('-')[2]}" if len(frame.datasets) > 1 else ""
    with Image.open(path) as image:
        url = webp(image, QUALITY)
        return {"title": title + on, "said": said, "url": url, "width": image.width, "height": image.height}


def missing_said(frame: StudyFrame) -> list[str]:
    """Which rows lack seeds and why, a sentence each."""
    labels = {row.key: row.label for row in frame.rows}
    return [f"{labels[row]} on {dataset}: {note}" for (row, dataset), note in missing_notes(frame).items()]


def _protocol(frame: StudyFrame) -> list[tuple[str, str]]:
    """In words, then every setting of the study's first row, and of all rows where they chose otherwise."""
    settings = {str(key): str(value) for key, value in frame.study.get("protocol", {}).items()}
    choices = {key: protocol.choice for key, protocol in frame.protocols.items() if protocol.choice}
    if len(set(choices.values())) > 1:
        for key in ("select", "metric", "decoupler"):
            settings.pop(key, None)
        labels = {row.key: row.label for row in frame.rows}
        settings |= {labels[key]: said for key, said in choices.items()}
    return [("in words", " ".join(protocol_notes(frame))), *settings.items()]


def _environment(store: Store, frame: StudyFrame) -> list[tuple[str, str]]:
    """What the cells were made with; several values where they differ."""
    found: dict[str, dict[str, int]] = {}
    for cell_id in dict.fromkeys(frame.results.loc[frame.results["state"] == "done", "cell"]):
        for key, value in store.cell(str(cell_id)).environment().items():
            counted = found.setdefault(str(key), {})
            text = json.dumps(value) if isinstance(value, dict | list) else str(value)
            counted[text] = counted.get(text, 0) + 1
    return [
        (
            key,
            "; ".join(f"{text} ({count} cells)" if len(texts) > 1 else text for text, count in texts.items()),
        )
        for key, texts in found.items()
    ]


def _cells(store: Store, frame: StudyFrame, folder: Path) -> list[Record]:
    lines = frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records")
    tested = frame.results[frame.results["split"] == "test"].set_index("cell")[HEADLINE].dropna().to_dict()
    runs = read_links(store, frame.study["name"])
    return [
        {
            "row": line["label"],
            "dataset": line["dataset"],
            "seed": line["seed"],
            "id": line["cell"],
            "state": line["state"],
            "score": f"{tested[line['cell']]:.2f}" if line["cell"] in tested else "",
            "run": runs.get(line["cell"], ""),
            "log": Path(os.path.relpath(cell.log, folder)).as_posix() if cell.log.exists() else "",
        }
        for line in lines
        for cell in [store.cell(line["cell"])]
    ]
