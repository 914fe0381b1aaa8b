"""From the frame of a study to its main table, its statistics, and the comparison with printed numbers."""

import math
import string
from collections.abc import Sequence

from reports.escape import plain
from reports.evidence import Evidence
from reports.frame import HEADLINE, METRICS, Row, StudyFrame
from reports.grid import NOTHING, Cell, Column, Grid, Line, Note, Panel, emphasize, mark, number
from reports.notes import (
    deviation_note,
    evidence_notes,
    missing_notes,
    protocol_notes,
    source_note,
    unlike_notes,
    verdict_notes,
)
from reports.published import Printed, printed_of, same_set

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
INSIDE = "†"  # the difference is no larger than what seeds alone change


class Footnotes:
    """Gives every text one letter, in the order they are asked for."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def marker(self, *texts: str) -> str:
        """The letters of the texts that are not empty, joined by commas."""
        return ",".join(self.letters.setdefault(text, _letters(len(self.letters))) for text in texts if text)

    def notes(self) -> tuple[Note, ...]:
        """The notes below the table."""
        return tuple(Note(plain(text), letter) for text, letter in self.letters.items())


def _letters(place: int) -> str:
    letters = string.ascii_lowercase
    return letters[place % len(letters)] * (place // len(letters) + 1)


def study_grid(frame: StudyFrame, evidence: Evidence | None = None, *, rank_printed: bool = False) -> Grid:
    """The study's table: a panel per data set and split; label, marks, metrics, difference to the reference.

    Lines without scores stay, with dashes and a footnote that says why.

    Args:
        frame: The study's numbers.
        evidence: What the samples support; None: no marks of significance.
        rank_printed: Whether numbers of papers compete for best and second.
    """
    evidence = evidence or Evidence()
    missing, footnotes, columns = missing_notes(frame), Footnotes(), _columns(frame)
    panels = []
    for dataset in frame.datasets:
        for split in frame.splits:
            lines = []
            for row in frame.rows_on(dataset):
                reason = missing.get((row.key, dataset), "")
                marker = footnotes.marker(reason, deviation_note(frame, row.key))
                lines.append(_line(frame, evidence, row, dataset, split, reason, marker))
            printed = [
                _printed_line(frame, each, footnotes, rank_printed)
                for each in shown_printed(frame, dataset, split)
            ]
            ranked = emphasize([*printed, *lines], columns)
            cut = len(printed)
            panels.append(Panel(plain(dataset), split, ranked[cut:], ranked[:cut]))
    return Grid(
        name=plain(frame.study["name"]),
        title=plain(frame.study.get("title") or frame.study["name"]).rstrip("."),
        caption=plain(frame.study.get("caption") or ""),
        columns=columns,
        panels=tuple(panels),
        notes=(
            *general(protocol_notes(frame)),
            *general(evidence_notes(frame, evidence)),
            *general(verdict_notes(evidence)),
            *general(unlike_notes(frame)),
            *footnotes.notes(),
        ),
        sources=sources(frame),
        command=plain(frame.study.get("command") or ""),
    )


def general(texts: Sequence[str]) -> tuple[Note, ...]:
    """Notes without a marker."""
    return tuple(Note(plain(text)) for text in texts)


def _columns(frame: StudyFrame) -> tuple[Column, ...]:
    return (
        Column("Method"),
        *(Column(plain(name), "c") for name in frame.study.get("marks", ())),
        *(Column(metric, "r", ranked=True) for metric in METRICS),
        *([Column(f"Δ {HEADLINE}", "r")] if frame.reference else []),
    )


def _line(
    frame: StudyFrame, evidence: Evidence, row: Row, dataset: str, split: str, missing: str, marker: str
) -> Line:
    scores = frame.scores(row.key, dataset, split)
    headline = scores[HEADLINE]
    cells = [
        Cell(row.label, marker=marker),
        *(mark(name in row.marks) for name in frame.study.get("marks", ())),
        *(number(score.mean, score.std) for score in scores.values()),
    ]
    if frame.reference == row:
        cells.append(Cell("ref.", exact=0.0))
    elif frame.reference and not frame.same_masks(row.key):
        cells.append(number(math.nan))
    elif frame.reference:
        sign = significance(evidence, dataset, split, row.key)
        cells.append(number(headline.gain, headline.gain_std, signed=True, sign=sign))
    ranked = row.key not in frame.deviations
    return Line(plain(row.key), tuple(cells), headline.n, plain(missing), ranked)


def significance(evidence: Evidence, dataset: str, split: str, row: str) -> str:
    """Stars of the corrected p-value, and a dagger where seeds alone explain the difference."""
    line = evidence.comparison(dataset, split, row)
    if line is None:
        return ""
    stars = next((sign for level, sign in LEVELS if line["p_holm"] < level), "")
    return stars + (INSIDE if line["inside_seed_spread"] is True else "")


def shown_printed(frame: StudyFrame, dataset: str, split: str) -> list[Printed]:
    """The printed line of every method the study names (the first on file), if the data set is the published one."""
    printed: dict[str, Printed] = {}
    if same_set(dataset, split, frame.expressions(dataset, split)):
        for each in printed_of(frame.study.get("published", ()), dataset, split):
            printed.setdefault(each.method, each)
    return list(printed.values())


def _printed_line(frame: StudyFrame, printed: Printed, footnotes: Footnotes, ranked: bool) -> Line:
    cells = [
        Cell(plain(printed.method), marker=footnotes.marker(source_note(printed))),
        *(Cell("") for _ in frame.study.get("marks", ())),
        *(number(printed.score(metric)) for metric in METRICS),
        *([Cell("")] if frame.reference else []),
    ]
    return Line(f"published: {plain(printed.method)}", tuple(cells), ranked=ranked)


def sources(frame: StudyFrame) -> tuple[str, ...]:
    """The cells a table was made from, one line each."""
    cells = frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records")
    return tuple(
        plain(f"{cell['row']}, {cell['dataset']}, seed {cell['seed']}: {cell['cell']} {cell['state']}")
        for cell in cells
    )


def statistics_grid(frame: StudyFrame, evidence: Evidence) -> Grid | None:
    """Intervals of oIoU and mIoU, differences with intervals and p-values; None without samples."""
    if not evidence.statistics:
        return None
    compared = frame.reference is not None and evidence.family > 0
    columns = [Column("Method"), Column("oIoU", "r", ranked=True), Column("95 % interval", "c")]
    columns += [Column("mIoU", "r", ranked=True), Column("95 % interval", "c")]
    if compared:
        columns += [Column(f"Δ {HEADLINE}", "r"), Column("95 % interval", "c"), Column("p (Holm)", "r")]
        columns += [Column("P(better)", "r")]
    panels = []
    for dataset, split in evidence.statistics:
        lines = []
        for row in frame.rows_on(dataset):
            scores = frame.scores(row.key, dataset, split)
            cells = [Cell(row.label)]
            for metric in ("oIoU", "mIoU"):
                cells.append(number(scores[metric].mean, scores[metric].std))
                cells.append(interval_cell(evidence.interval(dataset, split, row.key, metric)))
            if compared:
                cells += _compared(frame, evidence, row, dataset, split)
            lines.append(
                Line(plain(row.key), tuple(cells), scores[HEADLINE].n, ranked=row.key not in frame.deviations)
            )
        panels.append(Panel(plain(dataset), split, emphasize(lines, columns)))
    notes = [*protocol_notes(frame)[:1], *evidence_notes(frame, evidence), *verdict_notes(evidence)]
    notes.append("Intervals: bootstrap over images, expressions of an image drawn together; seeds averaged.")
    if compared:
        notes.append("P(better): how often the row beats the reference on an expression; ties count half.")
    caption = "What the test expressions support."
    return side_grid(frame, "statistics", "statistics", columns, panels, general(notes), caption)


def side_grid(
    frame: StudyFrame,
    name: str,
    title: str,
    columns: Sequence[Column],
    panels: Sequence[Panel],
    notes: Sequence[Note],
    caption: str = "",
) -> Grid:
    """A table beside the main one.

    Args:
        frame: The study.
        name: Of the file, behind the study's.
        title: Behind the study's.
        columns: From left to right.
        panels: From top to bottom.
        notes: Below.
        caption: What the numbers are.
    """
    study = plain(frame.study.get("title") or frame.study["name"]).rstrip(".")
    return Grid(
        name=f"{plain(frame.study['name'])}-{name}",
        title=f"{study}: {title}",
        caption=caption,
        columns=tuple(columns),
        panels=tuple(panels),
        notes=tuple(notes),
        sources=sources(frame),
        command=plain(frame.study.get("command") or ""),
    )


def interval_cell(ends: tuple[float, float] | None, *, signed: bool = False) -> Cell:
    """[low, high], or a dash."""
    if ends is None:
        return Cell(NOTHING)
    low, high = (number(end, signed=signed).text for end in ends)
    return Cell(f"[{low}, {high}]")


def _compared(frame: StudyFrame, evidence: Evidence, row: Row, dataset: str, split: str) -> list[Cell]:
    if row == frame.reference:
        return [Cell("ref.", exact=0.0), *(Cell("") for _ in range(3))]
    line = evidence.comparison(dataset, split, row.key)
    if line is None:
        return [number(math.nan), Cell(NOTHING), number(math.nan), number(math.nan)]
    p = line["p_holm"]
    sign = significance(evidence, dataset, split, row.key)
    return [
        number(line["effect"], signed=True, sign=sign),
        interval_cell((line["low"], line["high"]), signed=True),
        Cell("<0.001" if p < 0.001 else f"{p:.3f}", exact=p),
        number(line["share"]),
    ]


def reproduction_grid(frame: StudyFrame) -> Grid | None:
    """Printed, ours and the gap, a line each, for every row that bears a published method's name; None without any."""
    footnotes, panels = Footnotes(), []
    for dataset in frame.datasets:
        for split in frame.splits:
            lines = [
                line
                for row in frame.rows_on(dataset)
                for printed in _namesakes(frame, row, dataset, split)
                for line in _reproduced(frame, row, dataset, printed, footnotes)
            ]
            if lines:
                panels.append(Panel(plain(dataset), split, tuple(lines)))
    if not panels:
        return None
    columns = (Column("Method"), Column("Numbers"), *(Column(metric, "r") for metric in METRICS))
    notes = (*general(protocol_notes(frame)), *footnotes.notes())
    caption = "Numbers as printed, ours, and ours minus printed."
    return side_grid(frame, "reproduction", "reproduction", columns, panels, notes, caption)


def _reproduced(
    frame: StudyFrame, row: Row, dataset: str, printed: Printed, footnotes: Footnotes
) -> tuple[Line, ...]:
    ours = frame.scores(row.key, dataset, printed.split)
    numbers = {
        "printed": [number(printed.score(metric)) for metric in METRICS],
        "ours": [number(ours[metric].mean, ours[metric].std) for metric in METRICS],
        "gap": [number(ours[metric].mean - printed.score(metric), signed=True) for metric in METRICS],
    }
    label = Cell(row.label, marker=footnotes.marker(source_note(printed)))
    return tuple(
        Line(plain(row.key), (label, Cell(name), *cells), ours[HEADLINE].n, ranked=False)
        for name, cells in numbers.items()
    )


def _namesakes(frame: StudyFrame, row: Row, dataset: str, split: str) -> list[Printed]:
    if not same_set(dataset, split, frame.expressions(dataset, split)):
        return []
    names = {row.key.casefold(), row.label.casefold()}
    methods = [method for method in frame.study.get("published", ()) if method.casefold() in names]
    return printed_of(methods, dataset, split)
