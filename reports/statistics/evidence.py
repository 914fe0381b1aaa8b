"""What the stored samples of a study support: intervals, differences to the reference, expectations."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from bench.storage.expectation import Expectation, parse_expectation
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.resampling import Scored, Statistics, analyse, holm
from reports.statistics.samples import Samples

RESAMPLES = 10_000
FEWEST = 2_000
WORK = 7e10  # multiplications of one resampling: about ten seconds of one core
_PARTS = ("rows", "comparisons", "improvement")
Place = tuple[str, str]  # data set, split


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation holds on one data set.

    Attributes:
        text: The expectation.
        dataset: Where it was looked at.
        outcome: met, not met, within noise, or unknown.
        reason: The numbers behind it.
    """

    text: str
    dataset: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """Statistics of a study.

    Attributes:
        statistics: By data set and split, where at least two rows or one have samples.
        verdicts: Of the study's expectations.
        images: Number of images resampled, by data set and split.
        resamples: How often, by data set and split.
        family: Comparisons that Holm's correction is over.
        left_out: Rows that could not be compared, by data set and split.
    """

    statistics: dict[Place, Statistics] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    images: dict[Place, int] = field(default_factory=dict)
    resamples: dict[Place, int] = field(default_factory=dict)
    family: int = 0
    left_out: dict[Place, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; `from_json` reads it back."""
        return {
            "family": self.family,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "places": [
                {
                    "place": place,
                    "images": self.images[place],
                    "resamples": self.resamples[place],
                    **{name: _stored(getattr(found, name)) for name in _PARTS},
                }
                for place, found in self.statistics.items()
            ],
            "left_out": [[place, rows] for place, rows in self.left_out.items()],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Evidence":
        """What `to_json` gave."""
        places = {tuple(each["place"]): each for each in stored["places"]}
        return cls(
            statistics={
                place: Statistics(*(_table(each[name]) for name in _PARTS)) for place, each in places.items()
            },
            verdicts=tuple(Verdict(**verdict) for verdict in stored["verdicts"]),
            images={place: each["images"] for place, each in places.items()},
            resamples={place: each["resamples"] for place, each in places.items()},
            family=stored["family"],
            left_out={tuple(place): tuple(rows) for place, rows in stored["left_out"]},
        )

    def comparison(self, dataset: str, split: str, row: str) -> dict[str, Any] | None:
        """The row's line of `Statistics.comparisons` and its `share` of `improvement`, if it was compared."""
        return self._comparisons.get((dataset, split, row))

    @cached_property
    def _comparisons(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        found = {}
        for (dataset, split), statistics in self.statistics.items():
            shares = dict(zip(statistics.improvement["row"], statistics.improvement["share"], strict=True))
            for line in statistics.comparisons.to_dict("records"):
                named = {str(key): value for key, value in line.items()}
                found[dataset, split, named["row"]] = named | {"share": shares[named["row"]]}
        return found

    def interval(self, dataset: str, split: str, row: str, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of a row's mean, if it was computed."""
        return self._intervals.get((dataset, split, row, metric))

    @cached_property
    def _intervals(self) -> dict[tuple[str, str, str, str], tuple[float, float]]:
        return {
            (dataset, split, row, metric): (low, high)
            for (dataset, split), found in self.statistics.items()
            for row, metric, low, high in found.rows[["row", "metric", "low", "high"]].itertuples(index=False)
        }


def _stored(table: pd.DataFrame) -> Any:
    values = table.astype(object)
    return values.where(values.notna(), None).reset_index(drop=True).to_dict("split", index=False)


def _table(stored: dict[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(stored["data"], columns=stored["columns"])
    words: dict[str, Any] = {"row": str, "metric": str, "inside_seed_spread": "boolean"}
    return table.astype({str(name): words.get(str(name), float) for name in table})


def weigh(frame: StudyFrame, samples: Mapping[Place, Samples]) -> Evidence:
    """Statistics of every data set and split of the table that has samples.

    The split that chose the epoch is not tested: its scores are the best of many.
    """
    statistics, images, resamples = {}, {}, {}
    for place, found in samples.items():
        if place[1] not in frame.splits_on(place[0]) or (place[1] == frame.select and frame.select != "test"):
            continue
        images[place] = int(found.scored.images.max()) + 1
        resamples[place] = affordable(found.scored)
        statistics[place] = _analyse(found, frame, resamples[place])
    statistics, family = correct_together(statistics)
    return Evidence(
        statistics=statistics,
        verdicts=tuple(verdict for verdict in _verdicts(frame, samples)),
        images=images,
        resamples=resamples,
        family=family,
        left_out={place: found.left_out for place, found in samples.items() if found.left_out},
    )


def affordable(scored: Scored) -> int:
    """Resamples that take seconds: as many as papers use, fewer for hundreds of rows."""
    columns = 1 + sum(7 + 2 * len(seeds) for seeds in scored.unions.values())
    return int(min(RESAMPLES, max(FEWEST, WORK / (columns * (scored.images.max() + 1)))))


def _analyse(samples: Samples, frame: StudyFrame, resamples: int) -> Statistics:
    """Intervals of every row from all its seeds; comparisons from the seeds that a row and the reference share."""
    scored = samples.scored
    reference = frame.reference.key if frame.reference else ""
    base = reference if reference in scored.rows else scored.rows[0]
    found = analyse(scored, base, metrics=(HEADLINE,), resamples=resamples)
    none = replace(found, comparisons=found.comparisons[:0], improvement=found.improvement[:0])
    if base != reference:
        return none
    shared: dict[tuple[int, ...], list[str]] = {}
    for row in scored.rows:
        if row != reference and (seeds := samples.common_seeds((row, reference))):
            shared.setdefault(seeds, []).append(row)
    if not shared:
        return none
    if len(shared) == 1 and set(samples.seeds.values()) == set(shared):
        return found
    parts = [
        analyse(
            samples.of_seeds([reference, *rows], seeds), reference, metrics=(HEADLINE,), resamples=resamples
        )
        for seeds, rows in shared.items()
    ]
    return replace(
        found,
        comparisons=pd.concat([part.comparisons for part in parts], ignore_index=True),
        improvement=pd.concat([part.improvement for part in parts], ignore_index=True),
    )


def correct_together(statistics: Mapping[Place, Statistics]) -> tuple[dict[Place, Statistics], int]:
    """Holm's correction over all comparisons of a table; also how many they are."""
    sizes = [len(found.comparisons) for found in statistics.values()]
    if not sum(sizes):
        return dict(statistics), 0
    corrected = holm(pd.concat([found.comparisons["p"] for found in statistics.values()]).to_numpy(float))
    result, start = {}, 0
    for (place, found), size in zip(statistics.items(), sizes, strict=True):
        table = found.comparisons.assign(p_holm=corrected[start : start + size])
        result[place] = replace(found, comparisons=table)
        start += size
    return result, sum(sizes)


def _verdicts(frame: StudyFrame, samples: Mapping[Place, Samples]) -> list[Verdict]:
    keys = [row.key for row in frame.rows]
    expected = [parse_expectation(text, keys, "expect") for text in frame.study.get("expect", ())]
    return [
        judge(expectation, dataset, samples.get((dataset, "test")))
        for expectation in expected
        for dataset in frame.datasets
    ]


def judge(expectation: Expectation, dataset: str, samples: Samples | None) -> Verdict:
    """Whether the data support an expectation, refute it, or do neither.

    Met: the whole interval of the difference lies above the margin. Not met: all of it lies at or below. Within
    noise: the interval covers the margin, or seeds alone change as much as what lies between effect and margin.
    """
    text, rows = expectation.text, (expectation.better, expectation.base)
    if samples is None or any(row not in samples.scored.rows for row in rows):
        return Verdict(text, dataset, "unknown", "not both rows have comparable results yet")
    shared = samples.common_seeds(rows)
    if not shared:
        return Verdict(text, dataset, "unknown", "no seed is done in both rows yet")
    pair = samples.of_seeds(rows, shared)
    metric = expectation.metric
    line = analyse(pair, expectation.base, metrics=(metric,)).comparisons.iloc[0]
    distance = line["effect"] - expectation.margin
    reason = f"{line['effect']:+.2f} points [{line['low']:+.2f}, {line['high']:+.2f}]".replace("-", "−")
    if line["low"] <= expectation.margin <= line["high"]:
        return Verdict(text, dataset, "within noise", f"{reason}: the interval covers {expectation.margin:g}")
    if abs(distance) <= line["seed_spread"]:
        why = f"{reason}: seeds alone change the difference by {line['seed_spread']:.2f}"
        return Verdict(text, dataset, "within noise", why)
    said = "; one seed, so nothing is said of other seeds" if len(shared) == 1 else ""
    return Verdict(text, dataset, "met" if distance > 0 else "not met", reason + said)
