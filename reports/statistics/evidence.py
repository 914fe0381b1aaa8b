"""What the stored samples of a study support: intervals, differences to the reference, expectations."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from bench.storage.expectation import Expectation, parse_expectation
from bench.storage.image_sums import Scored
from reports.statistics.collapse import Trouble
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.resampling import Statistics, analyse, holm
from reports.statistics.samples import Samples
from reports.statistics.two_way import SEEDS, Leading, analyse_both, leading
from reports.text.escape import plain
from reports.text.numbers import two_decimals

RESAMPLES = 10_000
FEWEST = 2_000
WORK = 7e10  # multiplications of one resampling: about ten seconds of one core
_PARTS = ("rows", "comparisons", "improvement")
Place = tuple[str, str]  # data set, split


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation holds on one data set.

    Attributes:
        better: Label of the row that should score higher.
        base: Label of the other.
        metric: In which.
        margin: By more than this, in points.
        dataset: Where it was looked at, on its test split.
        outcome: met, not met, within noise, undecided (one seed), or unknown.
        reason: The numbers behind it, as the end of a sentence.
    """

    better: str
    base: str
    metric: str
    margin: float
    dataset: str
    outcome: str
    reason: str

    @property
    def text(self) -> str:
        """The expectation in signs."""
        margin = f" by {self.margin:g}" if self.margin else ""
        return f"{self.better} > {self.base} on {self.metric}{margin}"


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
        troubles: What went wrong with rows, by row and data set.
        leads: By data set and split, metric to the rows that cannot be told from its highest.
    """

    statistics: dict[Place, Statistics] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    images: dict[Place, int] = field(default_factory=dict)
    resamples: dict[Place, int] = field(default_factory=dict)
    family: int = 0
    left_out: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    leads: dict[Place, dict[str, Leading]] = field(default_factory=dict)

    def competes(self, frame: StudyFrame, row: str, dataset: str) -> bool:
        """Whether a row's numbers are ranked: it is measured as the table is, and its masks did not collapse."""
        return row not in frame.deviations and not self.collapsed(row, dataset)

    def collapsed(self, row: str, dataset: str) -> str:
        """In a few words what a row's masks collapsed to; empty where they did not."""
        return self.troubles[row, dataset].collapsed if (row, dataset) in self.troubles else ""

    def stand_out(self, dataset: str, split: str) -> dict[str, tuple[str, ...]]:
        """By metric, the lines that are told from others by a test that speaks of other trainings too."""
        leads = self.leads.get((dataset, split), {})
        return {metric: tuple(map(plain, lead.stand_out)) for metric, lead in leads.items()}

    @cached_property
    def over_seeds(self) -> frozenset[bool]:
        """Which kinds of comparison there are: over seeds and images together (True), over images alone (False)."""
        return frozenset(
            bool(each) for found in self.statistics.values() for each in found.comparisons["over_seeds"]
        )

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
            "troubles": [[place, asdict(trouble)] for place, trouble in self.troubles.items()],
            "leads": [
                [place, {metric: asdict(lead) for metric, lead in found.items()}]
                for place, found in self.leads.items()
            ],
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
            troubles={tuple(place): Trouble(**trouble) for place, trouble in stored["troubles"]},
            leads={
                tuple(place): {
                    metric: Leading(**lead | {"rows": tuple(lead["rows"])}) for metric, lead in found.items()
                }
                for place, found in stored["leads"]
            },
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
    words: dict[str, Any] = {"row": str, "metric": str, "inside_seed_spread": "boolean", "over_seeds": bool}
    return table.astype({str(name): words.get(str(name), float) for name in table})


def weigh(
    frame: StudyFrame,
    samples: Mapping[Place, Samples],
    troubles: Mapping[tuple[str, str], Trouble] | None = None,
) -> Evidence:
    """Statistics of every data set and split of the table that has samples.

    The split that chose the epoch is not tested: its scores are the best of many. Rows whose masks collapsed are
    compared with nothing.

    Args:
        frame: The study.
        samples: By data set and split.
        troubles: What went wrong with rows, as `find_troubles` gives it.
    """
    known = Evidence(troubles=dict(troubles or {}))
    statistics, images, resamples, leads = {}, {}, {}, {}
    for place, found in samples.items():
        if place[1] not in frame.splits_on(place[0]) or (place[1] == frame.select and frame.select != "test"):
            continue
        rows = [row for row in found.scored.rows if not known.collapsed(row, place[0])]
        images[place] = int(found.scored.images.max()) + 1
        resamples[place] = affordable(found.scored)
        statistics[place] = _analyse(found, frame, rows, resamples[place])
        leads[place] = leading(found.scored, [row for row in rows if row not in frame.deviations])
    statistics, family = correct_together(statistics)
    return replace(
        known,
        statistics=statistics,
        verdicts=tuple(_verdicts(frame, samples, known)),
        images=images,
        resamples=resamples,
        family=family,
        left_out={place: found.left_out for place, found in samples.items() if found.left_out},
        leads=leads,
    )


def affordable(scored: Scored) -> int:
    """Resamples that take seconds: as many as papers use, fewer for hundreds of rows."""
    columns = 1 + sum(7 + 2 * len(seeds) for seeds in scored.unions.values())
    return int(min(RESAMPLES, max(FEWEST, WORK / (columns * (scored.images.max() + 1)))))


def _analyse(samples: Samples, frame: StudyFrame, rows: Sequence[str], resamples: int) -> Statistics:
    """Intervals of every row from all its seeds; comparisons from the seeds that a row and the reference share.

    Those of `SEEDS` seeds and more speak of seeds and images together, others of images alone. Only `rows` are
    compared.
    """
    reference = frame.reference.key if frame.reference else ""
    compared: dict[tuple[int, ...], list[str]] = {}
    for row in rows:
        if row != reference and reference in rows and (seeds := samples.common_seeds((row, reference))):
            compared.setdefault(seeds, []).append(row)
    if len(compared) == 1 and set(samples.seeds.values()) == set(compared):
        found = _resampled(samples.scored, reference, resamples)
        keep = [each["row"].isin(rows) for each in (found.comparisons, found.improvement)]
        return replace(found, comparisons=found.comparisons[keep[0]], improvement=found.improvement[keep[1]])
    alone = [
        _resampled(samples.of_seeds(group, samples.seeds[group[0]]), group[0], resamples)
        for group in _by_seeds(samples)
    ]
    parts = [
        _resampled(samples.of_seeds([reference, *group], seeds), reference, resamples)
        for seeds, group in compared.items()
    ] or [replace(alone[0], comparisons=alone[0].comparisons[:0], improvement=alone[0].improvement[:0])]
    return Statistics(
        pd.concat([part.rows for part in alone], ignore_index=True),
        pd.concat([part.comparisons for part in parts], ignore_index=True),
        pd.concat([part.improvement for part in parts], ignore_index=True),
    )


def _by_seeds(samples: Samples) -> list[list[str]]:
    """Rows with the same seeds together."""
    found: dict[tuple[int, ...], list[str]] = {}
    for row in samples.scored.rows:
        found.setdefault(samples.seeds[row], []).append(row)
    return list(found.values())


def _resampled(scored: Scored, reference: str, resamples: int, metric: str = HEADLINE) -> Statistics:
    if all(len(seeds) >= SEEDS for seeds in scored.unions.values()):
        return analyse_both(scored, reference, (metric,))
    return analyse(scored, reference, metrics=(metric,), resamples=resamples)


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


def _verdicts(frame: StudyFrame, samples: Mapping[Place, Samples], known: Evidence) -> Iterator[Verdict]:
    labels = {row.key: row.label for row in frame.rows}
    for text in frame.study.get("expect", ()):
        expectation = parse_expectation(text, list(labels), "expect")
        for dataset in frame.datasets:
            collapsed = {row: said for row in labels if (said := known.collapsed(row, dataset))}
            yield judge(expectation, dataset, samples.get((dataset, "test")), labels, collapsed)


def judge(
    expectation: Expectation,
    dataset: str,
    samples: Samples | None,
    labels: Mapping[str, str] | None = None,
    collapsed: Mapping[str, str] | None = None,
) -> Verdict:
    """Whether the data support an expectation, refute it, or do neither.

    Met: the whole interval of the difference lies above the margin. Not met: all of it lies at or below. Within
    noise: the interval covers the margin, or seeds alone change as much as what lies between effect and margin (where
    the interval does not speak of seeds). One seed decides nothing; a row whose masks collapsed is no evidence.

    Args:
        expectation: What is expected.
        dataset: Where.
        samples: Its test split.
        labels: Row key to label, for the verdict's text; keys that are not in it stay.
        collapsed: Row key to what its masks collapsed to.
    """
    better, base, metric = expectation.better, expectation.base, expectation.metric
    named = [(labels or {}).get(row, row) for row in (better, base)]
    verdict = partial(Verdict, named[0], named[1], metric, expectation.margin, dataset)
    for row, label in zip((better, base), named, strict=True):
        if said := (collapsed or {}).get(row):
            return verdict("unknown", f"{label} collapsed ({said}): a comparison with it says nothing")
    if samples is None or any(row not in samples.scored.rows for row in (better, base)):
        return verdict("unknown", "not both rows have comparable results yet")
    shared = samples.common_seeds((better, base))
    if not shared:
        return verdict("unknown", "no seed is done in both rows yet")
    pair = samples.of_seeds((better, base), shared)
    line = _resampled(pair, base, RESAMPLES, metric).comparisons.iloc[0]
    distance = line["effect"] - expectation.margin
    over = f"{len(shared)} seeds and images together" if line["over_seeds"] else "other images"
    effect, low, high = (two_decimals(line[name], signed=True) for name in ("effect", "low", "high"))
    reason = f"the difference is {effect} points (95 % interval {low} to {high}, over {over})"
    if len(shared) == 1:
        return verdict("undecided", f"{reason} with one training each, and another may differ")
    if line["low"] <= expectation.margin <= line["high"]:
        return verdict("within noise", f"{reason}, and the interval covers {expectation.margin:g}")
    if not line["over_seeds"] and abs(distance) <= line["seed_spread"]:
        return verdict("within noise", f"{reason}, and seeds alone change it by {line['seed_spread']:.2f}")
    return verdict("met" if distance > 0 else "not met", reason)
