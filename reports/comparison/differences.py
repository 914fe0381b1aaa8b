"""Where two studies have the same numbers, and where not."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.storage.image_sums import Scored
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.statistics.frame import HEADLINE, METRICS, StudyFrame, read_frame
from reports.statistics.resampling import analyse
from reports.statistics.samples import Samples, read_samples


@dataclass(frozen=True)
class Difference:
    """One row on one data set and split, in both studies; NaN where a side has no scores.

    Attributes:
        seeds: That both sides have.
        before: Mean of the headline metric over those seeds in A, percent.
        after: Likewise in B.
        largest: Largest absolute difference of any metric and seed, points.
        low: Lower end of the interval of the headline's difference over the same expressions.
        high: Upper end.
        same_cells: Whether both sides are the same cells: then any difference is chance or code, not settings.
    """

    study: str
    row: str
    label: str
    dataset: str
    split: str
    seeds: int
    before: float
    after: float
    largest: float
    low: float
    high: float
    same_cells: bool

    @property
    def missing(self) -> bool:
        """Whether one side has no scores."""
        return not self.seeds


def compare(one: tuple[Store, str], other: tuple[Store, str]) -> list[Difference]:
    """Every row of either study, on every data set and split.

    Raises:
        UserError: A store holds no such study.
    """
    before, after = read_frame(*one), read_frame(*other)
    samples = {
        name: (_samples(one[0], before, name), _samples(other[0], after, name)) for name in before.datasets
    }
    found: list[Difference] = []
    for frame in (before, after):
        for row in frame.rows:
            for dataset in frame.datasets:
                for split in frame.splits_on(dataset):
                    place = (row.key, dataset, split)
                    if place not in [(each.row, each.dataset, each.split) for each in found]:
                        pair = tuple(side.get(split) for side in samples.get(dataset, ({}, {})))
                        found.append(_difference(before, after, row.label, place, pair))
    return found


def _samples(store: Store, frame: StudyFrame, dataset: str) -> dict[str, Samples]:
    return read_samples(store, frame, dataset) if dataset in frame.datasets else {}


def _difference(
    before: StudyFrame, after: StudyFrame, label: str, place: tuple[str, str, str], samples: tuple[Any, ...]
) -> Difference:
    row, dataset, split = place
    sides = [_scores(frame, place) for frame in (before, after)]
    seeds = sorted(set(sides[0]) & set(sides[1]))
    gaps = [abs(sides[1][seed][m] - sides[0][seed][m]) for seed in seeds for m in METRICS]
    ids = [frame.cell_ids(dataset, row) for frame in (before, after)]
    low, high = _interval(row, seeds, ids, *samples) if seeds else (math.nan, math.nan)
    means = [
        sum(side[seed][HEADLINE] for seed in seeds) / len(seeds) if seeds else math.nan for side in sides
    ]
    return Difference(
        study=after.study["name"],
        row=row,
        label=label,
        dataset=dataset,
        split=split,
        seeds=len(seeds),
        before=means[0],
        after=means[1],
        largest=max(gaps, default=math.nan),
        low=low,
        high=high,
        same_cells=bool(seeds) and all(ids[0].get(seed) == ids[1].get(seed) for seed in seeds),
    )


def _scores(frame: StudyFrame, place: tuple[str, str, str]) -> dict[int, dict[str, float]]:
    row, dataset, split = place
    table = frame.results
    mine = (table["row"] == row) & (table["dataset"] == dataset) & (table["split"] == split)
    lines = table[mine & table[HEADLINE].notna()]
    return {int(line["seed"]): {m: line[m] for m in METRICS} for line in lines.to_dict("records")}


def _interval(
    row: str, seeds: list[int], ids: list[dict[int, str]], one: Samples | None, other: Samples | None
) -> tuple[float, float]:
    """Of the headline's difference; NaN where the two were scored on other expressions or without samples."""
    sides = (one, other)
    if one is None or other is None or any(row not in side.scored.rows for side in sides if side):
        return math.nan, math.nan
    key = ["ref_id", "image_id", "sentence"]
    if not one.facts[key].equals(other.facts[key]):
        return math.nan, math.nan
    places = [[list(known).index(seed) for seed in seeds] for known in ids]
    pair = Scored(
        one.scored.images,
        {
            name: s.scored.intersections[row][at]
            for name, s, at in zip("AB", (one, other), places, strict=True)
        },
        {name: s.scored.unions[row][at] for name, s, at in zip("AB", (one, other), places, strict=True)},
    )
    line = analyse(pair, "A", metrics=(HEADLINE,), resamples=2000).comparisons.iloc[0]
    return float(line["low"]), float(line["high"])


def pairs(one: str, other: str, store: str) -> Iterator[tuple[tuple[Store, str], tuple[Store, str]]]:
    """The studies two arguments name: `STORE`, `STORE:STUDY` or `STUDY`.

    Raises:
        UserError: One names a whole store and the other a study, or the stores share no study.
    """
    (first, study), (second, other_study) = _named(one, store), _named(other, store)
    if (study is None) != (other_study is None):
        raise UserError(f"{one} {other}: one is a store, the other a study.", "Compare two of a kind.")
    if study is not None and other_study is not None:
        yield (first, study), (second, other_study)
        return
    shared = [name for name in first.studies() if name in second.studies()]
    if not shared:
        raise UserError(f"{one} and {other} share no study.", "Name them: STORE:STUDY STORE:STUDY.")
    for name in shared:
        yield (first, name), (second, name)


def _named(argument: str, store: str) -> tuple[Store, str | None]:
    if (Path(argument) / "studies").is_dir():
        return Store(argument), None
    folder, colon, study = argument.rpartition(":")
    return (Store(folder), study) if colon else (Store(store), argument)
