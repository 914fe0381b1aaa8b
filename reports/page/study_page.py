"""The study's page: one static file that needs no network, no server and no build step."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from bench.storage.mlflow_links import read_links
from bench.storage.store import Record, Store
from reports.figures.scenes import ReadScenes
from reports.page.example_browser import browse
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.samples import Samples
from reports.tables import formats
from reports.tables.evidence_notes import leaders
from reports.tables.grid import Grid, Note
from reports.tables.notes import missing_notes, protocol_notes
from reports.text.templates import asset, render

PAGE = "index.html"
TITLES = {
    "bars": f"{HEADLINE} of every row",
    "curves": "Training",
    "fractions": f"{HEADLINE} against training images",
    "thresholds": "Precision against IoU threshold",
    "sizes": "IoU against object size",
    "categories": "Categories",
    "cost": "Accuracy against cost",
    "examples": "Examples",
    "failures": "Examples of failures",
    "attention": "What context, object and position words do, stage by stage",
}


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
    data = [
        browse(store, frame, found, dataset, read)
        for (dataset, split), found in samples.items()
        if split == "test"
    ]
    return render(
        "page.html.j2",
        {"cell": formats.html_cell, "value": _value},
        autoescape=True,
        grid=grids[0],
        grids=[replace(grid, notes=notes) for grid, notes in zip(grids, once(grids), strict=True)],
        sources=_json([{"tex": formats.latex(grid), "csv": formats.table_csv(grid)} for grid in grids]),
        leaders=leaders(frame, evidence),
        verdicts=evidence.verdicts,
        missing=missing_said(frame),
        remarks=remarks,
        figures=[(_title(path), _png(path)) for path in figures if path.suffix == ".png"],
        examples=_json(data),
        has_examples=bool(data),
        protocol=_protocol(frame),
        environment=_environment(store, frame),
        cells=_cells(store, frame, folder),
        css=asset("page.css"),
        js=asset("chart.js") + asset("page.js"),
    )


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


def _title(path: Path) -> str:
    kind, _, dataset = path.stem.partition("-")
    return TITLES.get(kind, kind) + (f", {dataset}" if dataset else "")


def _png(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


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
