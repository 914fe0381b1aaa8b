"""From the frame of a study to its table."""

import string

from reports.escape import plain
from reports.frame import HEADLINE, METRICS, SPLITS, Row, StudyFrame
from reports.grid import Cell, Column, Grid, Line, Note, Panel, emphasize, mark, number
from reports.notes import missing_notes, protocol_notes


def study_grid(frame: StudyFrame) -> Grid:
    """The study's table: a panel per data set and split; label, marks, metrics, difference to the reference.

    Lines without scores stay, with dashes and a footnote that says why.
    """
    missing = missing_notes(frame)
    markers = {text: _letters(place) for place, text in enumerate(dict.fromkeys(missing.values()))}
    columns = _columns(frame)
    panels = []
    for dataset in frame.datasets:
        for split in SPLITS:
            lines = []
            for row in frame.rows_on(dataset):
                reason = missing.get((row.key, dataset), "")
                lines.append(_line(frame, row, dataset, split, reason, markers.get(reason, "")))
            panels.append(Panel(plain(dataset), split, emphasize(lines, columns)))
    return Grid(
        name=plain(frame.study["name"]),
        title=plain(frame.study.get("title") or frame.study["name"]).rstrip("."),
        caption=plain(frame.study.get("caption") or ""),
        columns=columns,
        panels=tuple(panels),
        notes=(
            *(Note(plain(text)) for text in protocol_notes(frame)),
            *(Note(plain(text), marker) for text, marker in markers.items()),
        ),
        sources=_sources(frame),
        command=plain(frame.study.get("command") or ""),
    )


def _columns(frame: StudyFrame) -> tuple[Column, ...]:
    return (
        Column("Method"),
        *(Column(plain(name), "c") for name in frame.study.get("marks", ())),
        *(Column(metric, "r", ranked=True) for metric in METRICS),
        *([Column(f"Δ {HEADLINE}", "r")] if frame.reference else []),
    )


def _line(frame: StudyFrame, row: Row, dataset: str, split: str, missing: str, marker: str) -> Line:
    scores = frame.scores(row.key, dataset, split)
    headline = scores[HEADLINE]
    cells = [
        Cell(row.label, marker=marker),
        *(mark(name in row.marks) for name in frame.study.get("marks", ())),
        *(number(score.mean, score.std) for score in scores.values()),
    ]
    if frame.reference == row:
        cells.append(Cell("ref.", exact=0.0))
    elif frame.reference:
        cells.append(number(headline.gain, headline.gain_std, signed=True))
    return Line(plain(row.key), tuple(cells), headline.n, plain(missing))


def _letters(place: int) -> str:
    letters = string.ascii_lowercase
    return letters[place % len(letters)] * (place // len(letters) + 1)


def _sources(frame: StudyFrame) -> tuple[str, ...]:
    cells = frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records")
    return tuple(
        plain(f"{cell['row']}, {cell['dataset']}, seed {cell['seed']}: {cell['cell']} {cell['state']}")
        for cell in cells
    )
