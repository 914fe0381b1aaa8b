"""The page that lists every study of a store, newest first: how it stands, what it says, what failed, what it cost."""

import math
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.storage import files
from bench.storage.store import Store
from bench.terminal.command_line import command_line
from reports.page import unchanged
from reports.page.study_page import PAGE, missing_said
from reports.statistics.costs import read_costs
from reports.statistics.evidence import Evidence
from reports.statistics.frame import StudyFrame
from reports.tables.evidence_notes import leaders
from reports.text.escape import plain
from reports.text.templates import asset, render

FOLDER = "reports"  # in the store
LINKED = ("table.md", "results.csv", "table.tex")  # beside a study's page


def entry(store: Store, frame: StudyFrame, evidence: Evidence) -> dict[str, Any]:
    """JSON-ready: what the list says of one study, kept with its report so that the list reads no cells."""
    cells = frame.results.drop_duplicates(["row", "dataset", "seed"])
    done = cells.loc[cells["state"] == "done", "cell"]
    times = [store.cell(str(cell)).path / "metrics.json" for cell in done]
    return {
        "title": plain(frame.study.get("title") or frame.study["name"]).rstrip("."),
        "caption": plain(frame.study.get("caption") or ""),
        "states": dict(Counter(map(str, cells["state"]))),
        "newest": max((path.stat().st_mtime for path in times if path.exists()), default=None),
        "headline": leaders(frame, evidence),
        "verdicts": [[each.text, each.dataset, each.outcome] for each in evidence.verdicts],
        "missing": missing_said(frame),
        "minutes": _minutes(store, frame),
    }


def _minutes(store: Store, frame: StudyFrame) -> float:
    """Training of all finished cells together."""
    spent = [
        cost.minutes * len(frame.cell_ids(dataset, row))
        for dataset in frame.datasets
        for row, cost in read_costs(store, frame, dataset)[0].items()
    ]
    return sum(minutes for minutes in spent if not math.isnan(minutes))


def write_index(store: Store) -> Path:
    """Writes `reports/index.html` of a store from what its studies' reports remember; returns its path."""
    folder = store.root / FOLDER
    found = [_shown(store, name, unchanged.entry_of(folder / name)) for name in store.studies()]
    found.sort(key=lambda study: -study["newest"])
    path = folder / PAGE
    text = render("index.html.j2", {}, autoescape=True, studies=found, css=asset("page.css"))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        files.write_text(path, text)
    return path


def _shown(store: Store, name: str, known: dict[str, Any] | None) -> dict[str, Any]:
    """What the template is given of one study; one without a report says how to make it."""
    build = command_line("reports.build", f"ablation={name}", *store.words)
    if known is None:
        return {"name": name, "title": name, "newest": 0.0, "page": "", "build": build}
    states = known["states"]
    whole = sum(states.values())
    others = [f"{count} {state}" for state, count in states.items() if state != "done"]
    newest = known["newest"] or 0.0
    beside = [each for each in LINKED if (store.root / FOLDER / name / each).exists()]
    return {
        **known,
        "name": name,
        "newest": newest,
        "date": time.strftime("%Y-%m-%d %H:%M", time.localtime(newest)) if newest else "",
        "page": _link(name, PAGE),
        "links": [(each, _link(name, each)) for each in beside],
        "mark": "yes" if states.get("done", 0) == whole else "no" if "failed" in states else "",
        "status": ", ".join([f"{states.get('done', 0)} of {whole} cells done", *others]),
        "cost": _duration(known["minutes"]),
        "build": build,
    }


def _link(name: str, file: str) -> str:
    """Relative; a study's name may hold what an address gives a meaning to."""
    return f"{quote(name, safe='')}/{quote(file)}"


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"
