"""What a study and its rows are in MLflow's words: heads, over the runs of cells. Plain values; imports no MLflow.

A head sums up what hangs under it, a row its seeds and a study its rows: means under the names that a cell's numbers
have, so that a column or chart shows all alike, and for the headline scores `_std` (of one less than the number) and
`_best`. With several data sets the names begin with that of the set.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev
from typing import TypeVar

from bench.storage.cell import Cell, Record
from bench.storage.store import Store
from bench.tracking import notes
from bench.tracking.client import masked
from bench.tracking.content import (
    FORM,
    REFUSED,
    Place,
    digest,
    epoch_scores,
    final_scores,
    parameters,
    places,
    source_tags,
)
from bench.tracking.inputs import Input, inputs

Value = TypeVar("Value")
HEADLINES = ("/mIoU", "/oIoU")
SOURCE = "bench/run.py"  # what runs a study


@dataclass(frozen=True)
class Numbers:
    """Scores of one run: final ones by name, and by name and epoch."""

    final: dict[str, float]
    curves: dict[str, dict[int, float]]


@dataclass(frozen=True)
class Head:
    """The run of a study or a row.

    Attributes:
        key: See `Place.key`.
        title: Its name.
        tags: Set with it.
        cells: What hangs under it.
        digest: Tells whether what a finished head says is still so.
    """

    key: str
    title: str
    tags: dict[str, str]
    cells: list[Place]
    digest: str


@dataclass(frozen=True)
class Content:
    """What a head says beside its tags.

    Attributes:
        parameters: Of a study those all its cells share, of a row the others that its cells share.
        metrics: Name, value, step.
        note: Markdown.
        inputs: What its cells read.
        tags: The commit, where all its cells are of one.
    """

    parameters: dict[str, str]
    metrics: list[tuple[str, float, int]]
    note: str
    inputs: list[Input]
    tags: dict[str, str]


def heads(study: Record, done: dict[str, str]) -> list[Head]:
    """The head of a study, then those of its rows.

    Args:
        study: As the store holds it.
        done: Content digests of its finished cells, by id.
    """
    name, cells = study["name"], list(places(study))
    planned = sorted(place.id for place in cells)

    def state(*said: object, some: Iterable[Place]) -> str:
        known = [(place.key, done[place.id]) for place in some if place.id in done]
        return digest(FORM + json.dumps([*said, planned, known]).encode())

    told = (
        study["title"],
        study.get("caption"),
        study.get("command"),
        [row["label"] for row in study["rows"]],
    )
    tags = {"kind": "study", "study": name, "title": study["title"]} | source_tags(None, SOURCE)
    found = [Head(f"study/{name}", name, tags, cells, state(*told, some=cells))]
    for row in study["rows"]:
        own = [place for place in cells if place.row == row["key"]]
        tags = {"kind": "row", "study": name, "row": row["key"]} | source_tags(None, SOURCE)
        found.append(
            Head(f"study/{name}/{row['key']}", row["label"], tags, own, state(row["label"], some=own))
        )
    return found


class Summary:
    """Everything the heads of one study say, from its finished cells.

    Args:
        store: Where they lie.
        study: As the store holds it.
    """

    def __init__(self, store: Store, study: Record) -> None:
        self.store, self.study, self.cells = store, study, list(places(study))

    @cached_property
    def done(self) -> dict[str, Cell]:
        """The finished cells by id."""
        cells = {place.id: self.store.cell(place.id) for place in self.cells}
        return {id_: cell for id_, cell in cells.items() if cell.done}

    @cached_property
    def _numbers(self) -> dict[str, Numbers]:
        return {id_: of_cell(cell) for id_, cell in self.done.items()}

    @cached_property
    def _parameters(self) -> dict[str, dict[str, str]]:
        """Of every cell of the plan."""
        return {place.id: parameters(self.store.cell(place.id)) for place in self.cells}

    @cached_property
    def common(self) -> dict[str, str]:
        """Parameters that all cells of the plan share."""
        return shared(list(self._parameters.values()))

    def of_study(self) -> Content:
        """What the head of the study says."""
        rows = [self._of_row(row["key"]) for row in self.study["rows"]]
        some = [numbers for numbers in rows if numbers.final]
        note = notes.study(self.study, self._lines(self.cells), len(self.done), len(self._parameters))
        return Content(self.common, summed(some), note, self._inputs(self.cells), self._commit(self.cells))

    def of_row(self, key: str) -> Content:
        """What the head of a row says."""
        own = [place for place in self.cells if place.row == key]
        found = shared([self._parameters[place.id] for place in own])
        changed = {name: value for name, value in found.items() if name not in self.common}
        metrics = [each for group in self._groups(key) for each in summed(group)]
        label = next(row["label"] for row in self.study["rows"] if row["key"] == key)
        note = notes.row(self.study, label, changed, self._lines(own))
        return Content(changed, metrics, note, self._inputs(own), self._commit(own))

    def _commit(self, cells: Iterable[Place]) -> dict[str, str]:
        tags = [source_tags(self.done[place.id], SOURCE) for place in cells if place.id in self.done]
        return tags[0] if tags and all(each == tags[0] for each in tags) else {}

    def _groups(self, key: str) -> list[list[Numbers]]:
        """The seeds of a row, data set by data set, under the names they have in a head."""
        own = [place for place in self.cells if place.row == key and place.id in self.done]
        datasets = list(dict.fromkeys(place.dataset for place in own))
        several = len({place.dataset for place in self.cells}) > 1
        return [
            [
                under(f"{REFUSED.sub('_', dataset)}/" if several else "", self._numbers[place.id])
                for place in own
                if place.dataset == dataset
            ]
            for dataset in datasets
        ]

    def _of_row(self, key: str) -> Numbers:
        means = [mean(group) for group in self._groups(key)]
        return Numbers(
            {name: value for each in means for name, value in each.final.items()},
            {name: curve for each in means for name, curve in each.curves.items()},
        )

    def _lines(self, cells: Iterable[Place]) -> list[tuple[Place, dict[str, float]]]:
        return [(place, self._numbers[place.id].final) for place in cells if place.id in self.done]

    def _inputs(self, cells: Iterable[Place]) -> list[Input]:
        found = [each for place in cells if place.id in self.done for each in inputs(self.done[place.id])]
        return list({(each.name, each.digest): each for each in found}.values())


def of_cell(cell: Cell) -> Numbers:
    """A finished cell's."""
    curves: dict[str, dict[int, float]] = {}
    for record in cell.history():
        for name, value in epoch_scores(record).items():
            curves.setdefault(name, {})[record["epoch"]] = value
    return Numbers(final_scores(cell), curves)


def under(prefix: str, numbers: Numbers) -> Numbers:
    """The same under longer names."""
    return Numbers(
        {prefix + name: value for name, value in numbers.final.items()},
        {prefix + name: curve for name, curve in numbers.curves.items()},
    )


def mean(some: Sequence[Numbers]) -> Numbers:
    """Means of final scores over those that have them, and of curves over the epochs that all have."""
    final = {name: fmean(values) for name, values in _together(each.final for each in some).items()}
    curves = {}
    for name, found in _together(each.curves for each in some).items():
        epochs = sorted(set.intersection(*(set(curve) for curve in found)))
        curves[name] = {epoch: fmean(curve[epoch] for curve in found) for epoch in epochs}
    return Numbers(final, curves)


def summed(some: Sequence[Numbers]) -> list[tuple[str, float, int]]:
    """What a head says of the runs under it: name, value, step."""
    if not some:
        return []
    means = mean(some)
    found = [(name, value, 0) for name, value in means.final.items()]
    for name, values in _together(each.final for each in some).items():
        if name.endswith(HEADLINES):
            found.append((f"{name}_best", max(values), 0))
            if len(values) > 1:
                found.append((f"{name}_std", stdev(values), 0))
    curves = means.curves.items()
    return [*found, *((name, value, epoch) for name, curve in curves for epoch, value in curve.items())]


def shared(some: Sequence[dict[str, str]]) -> dict[str, str]:
    """What all mappings have alike."""
    if not some:
        return {}
    return {
        key: masked(value) for key, value in some[0].items() if all(each.get(key) == value for each in some)
    }


def _together(some: Iterable[dict[str, Value]]) -> dict[str, list[Value]]:
    """The values of each name."""
    found: dict[str, list[Value]] = {}
    for each in some:
        for name, value in each.items():
            found.setdefault(name, []).append(value)
    return found
