"""One tidy frame of a study: every cell it asks for, with its scores or with the reason it has none."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.storage.cell import Cell, Record
from bench.storage.metrics import NAMES
from bench.storage.splits import further_split
from bench.storage.store import Store
from reports.statistics.protocol import RowProtocol, row_protocol
from reports.statistics.subsets import TrainedOn, trained_on
from reports.text.escape import plain

METRICS = NAMES
HEADLINE = "mIoU"
SPLITS = ("val", "test")
# What decides how a score is measured; rows that differ in one of these are not ranked with the others.
MEASURED_BY = {
    "select": "epoch chosen on",
    "metric": "epoch chosen by",
    "size": "scored at size",
    "pixels": "input side in pixels",
    "precision": "computed in",
}
# The published models by what stands in their slots, so that each keeps its colour in every study.
METHODS = {
    ("pwam", "none", "simple"): "LAVT",
    ("pwam", "lgce", "simple"): "LGCE",
    ("iim", "cim", "rotated"): "RMSIN",
    ("fiam", "tmem", "simple"): "FIANet",
}
WHOLE_FIAM = {"object": True, "position": True, "norm": "positions", "coordinates": False}  # as published
RANDOM = "random"  # as a configuration says it
# What a model can start from random weights in, though others of its size start from pretrained ones.
PARTS = ("encoder", "text")
SAME_MASKS = ("size", "pixels")  # where these differ, expressions cannot be compared one by one either


@dataclass(frozen=True)
class StudyRow:
    """One line of the study's table: key, label, check marks, its label where there is little room (empty: none)."""

    key: str
    label: str
    marks: tuple[str, ...] = ()
    short: str = ""


@dataclass(frozen=True)
class Score:
    """One metric of a row over seeds, in percent.

    Attributes:
        mean: Over the seeds that have a score; NaN without any.
        std: Over seeds (ddof=1); NaN below two.
        n: Seeds that have a score.
        gain: Mean difference to the reference row on the same data set, split and seed.
        gain_std: Its spread over seeds (ddof=1).
        gain_n: Seeds that both rows have.
    """

    mean: float = math.nan
    std: float = math.nan
    n: int = 0
    gain: float = math.nan
    gain_std: float = math.nan
    gain_n: int = 0


@dataclass(frozen=True)
class StudyFrame:
    """A study and everything the store knows about it.

    Attributes:
        study: The plan as stored (title, caption, marks, protocol, command).
        rows: The table's lines in the study's order.
        results: One line per row x data set x split x seed: row, label, marks, dataset, split, seed, cell,
            state, error and a column per metric, in percent; NaN where the cell has no scores.
        summary: One line per row x data set x split x metric with the fields of `Score`.
        counts: Per data set what `metrics.json` says of the number of expressions and of those left out:
            {"counts": {split: n}, "skipped": {split: n}}.
        input_sizes: Sides in pixels that images are fed at (one, unless the study varies it).
        deviations: Row key to what of `MEASURED_BY` it does otherwise than the table: {key: value}.
        methods: Row key to the published model it is, none twice; empty for a row that is none.
        random_starts: Row key to those of `PARTS` that started from random weights where pretrained ones are usual.
        subsets: Row key and data set to the part of the training images that was used; not of rows that used all.
        protocols: Row key to how its epoch was chosen, for rows of which a cell was planned.
        select: The split that chose the epochs of the table; a row of another split is among `deviations`.
        precision: What the reference row (the first, where there is none) was computed in.
    """

    study: Record
    rows: tuple[StudyRow, ...]
    results: pd.DataFrame
    summary: pd.DataFrame
    counts: dict[str, dict[str, dict[str, int]]]
    input_sizes: tuple[int, ...]
    deviations: dict[str, dict[str, str]]
    methods: dict[str, str]
    random_starts: dict[str, tuple[str, ...]]
    subsets: dict[tuple[str, str], TrainedOn]
    protocols: dict[str, RowProtocol]
    select: str
    precision: str

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of every data set that the table shows."""
        return tuple(self.study.get("splits") or SPLITS)

    def further_on(self, dataset: str) -> tuple[str, ...]:
        """The sets that models trained on one data set were scored on besides."""
        return _further(self.study, dataset)

    def splits_on(self, dataset: str) -> tuple[str, ...]:
        """The splits that the table shows of one data set, those of further sets last."""
        return (*self.splits, *map(further_split, self.further_on(dataset)))

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Every data set and split of the table in a reader's order: val, which chose epochs, comes last."""
        found = ((dataset, split) for dataset in self.datasets for split in self.splits_on(dataset))
        return tuple(sorted(found, key=lambda place: place[1] == "val"))

    @property
    def reference(self) -> StudyRow | None:
        """The row the others are compared with, if the study names one and it is not alone."""
        named = [row for row in self.rows if row.key == self.study.get("reference")]
        return named[0] if named and len(self.rows) > 1 else None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets in the study's order."""
        return tuple(self.results["dataset"].unique())

    @property
    def missing(self) -> pd.DataFrame:
        """The cells that have no scores; lines of `results`, one a cell."""
        lacking = self.results[self.results["state"] != "done"]
        return lacking.drop_duplicates(["row", "dataset", "seed"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that at least one row has scores for."""
        done = self.results[self.results["state"] == "done"]
        return tuple(sorted(int(seed) for seed in done["seed"].unique()))

    def same_masks(self, row: str) -> bool:
        """Whether a row was scored against the same masks as the table's."""
        return not set(self.deviations.get(row, ())) & set(SAME_MASKS)

    def expressions(self, dataset: str, split: str) -> int | None:
        """Expressions of a split, scored and left out together; None while no cell is done."""
        numbers = self.counts.get(dataset, {})
        scored = numbers.get("counts", {}).get("test" if split == "shuffled" else split)
        return None if scored is None else scored + numbers.get("skipped", {}).get(split, 0)

    def cell_ids(self, dataset: str, row: str) -> dict[int, str]:
        """Seed to cell id of the finished cells of one row."""
        return self._cells.get((row, dataset), {})

    @cached_property
    def _cells(self) -> dict[tuple[str, str], dict[int, str]]:
        found: dict[tuple[str, str], dict[int, str]] = {}
        done = self.results[self.results["state"] == "done"].sort_values("seed", kind="stable")
        for row, dataset, seed, cell in done[["row", "dataset", "seed", "cell"]].itertuples(index=False):
            found.setdefault((row, dataset), {}).setdefault(int(seed), str(cell))
        return found

    def rows_on(self, dataset: str) -> tuple[StudyRow, ...]:
        """The rows the study runs on one data set."""
        keys = set(self.results.loc[self.results["dataset"] == dataset, "row"])
        return tuple(row for row in self.rows if row.key in keys)

    def scores(self, row: str, dataset: str, split: str) -> dict[str, Score]:
        """Every metric of one row on one data set and split; NaN where no cell has scores."""
        found = self._scores.get((row, dataset, split), {})
        return {metric: found.get(metric, Score()) for metric in METRICS}

    @cached_property
    def _scores(self) -> dict[tuple[str, str, str], dict[str, Score]]:
        found: dict[tuple[str, str, str], dict[str, Score]] = {}
        for line in self.summary.to_dict("records"):
            row, dataset, split, metric = (line.pop(key) for key in ("row", "dataset", "split", "metric"))
            found.setdefault((row, dataset, split), {})[metric] = Score(
                **{str(k): v for k, v in line.items()}
            )
        return found


def read_frame(store: Store, name: str) -> StudyFrame:
    """Reads a study's cells from the store.

    Raises:
        UserError: The store holds no such study.
    """
    study = store.study(name)
    rows = tuple(
        StudyRow(row["key"], plain(row["label"]), tuple(row.get("marks", ())), plain(row.get("short", "")))
        for row in study["rows"]
    )
    cells = [
        (row, place, store.cell(place["id"]))
        for row, planned in zip(rows, study["rows"], strict=True)
        for place in planned["cells"]
    ]
    scores = {cell.id: cell.metrics() for _, _, cell in cells}
    shown = tuple(study.get("splits") or SPLITS)
    splits = {
        dataset: (*shown, *map(further_split, _further(study, dataset)))
        for dataset in {place["dataset"] for _, place, _ in cells}
    }
    results = pd.DataFrame(
        (
            line
            for row, place, cell in cells
            for line in _lines(row, place, cell, scores[cell.id], splits[place["dataset"]])
        ),
        columns=["row", "label", "marks", "dataset", "split", "seed", "cell", "state", "error", *METRICS],
    ).astype(dict.fromkeys(METRICS, float))
    configs = {(row.key, cell.id): cell.config() for row, _, cell in cells}
    by_row = {row: config for (row, _), config in configs.items() if config}
    precisions = _precisions(cells)
    usual, deviations = _deviations(study, by_row, precisions)
    return StudyFrame(
        study=study,
        rows=rows,
        results=results,
        summary=summarize(results, study.get("reference")),
        counts=_counts((place["dataset"], scores[cell.id]) for _, place, cell in cells),
        input_sizes=_input_sizes(configs.values()),
        deviations=deviations,
        methods=_methods(rows, study.get("reference"), by_row),
        precision=precisions.get(study.get("reference") or "", next(iter(precisions.values()), "")),
        random_starts=_random_starts(configs),
        subsets={
            (row.key, place["dataset"]): part
            for row, place, cell in cells
            if (part := trained_on(scores[cell.id] or {}))
        },
        protocols={row: row_protocol(config, study) for row, config in by_row.items()},
        select=str(usual.get("select") or study.get("protocol", {}).get("select") or ""),
    )


def _further(study: Record, dataset: str) -> tuple[str, ...]:
    return tuple(study.get("also", {}).get(dataset, ()))


def _lines(
    row: StudyRow, place: Record, cell: Cell, metrics: Record | None, splits: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    state = {"state": "done"} if metrics else cell.state()
    for split in splits:
        scores = metrics["scores"].get(split, {}) if metrics else {}
        yield {
            "row": row.key,
            "label": row.label,
            "marks": " ".join(row.marks),
            "dataset": place["dataset"],
            "split": split,
            "seed": place["seed"],
            "cell": cell.id,
            "state": state["state"],
            "error": plain(state.get("cause") or "") if state["state"] == "failed" else "",
            **{metric: scores.get(metric, math.nan) for metric in METRICS},
        }


def summarize(results: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """Means and spreads over seeds, and the difference to the reference row paired by seed.

    Args:
        results: As in `StudyFrame.results`.
        reference: Key of the reference row; None: no differences (NaN).

    Returns:
        As in `StudyFrame.summary`, in the order of `results`.
    """
    place = ["dataset", "split", "seed", "metric"]
    long = results.melt(["row", *place[:-1]], list(METRICS), "metric", "value")
    base = long[long["row"] == reference].set_index(place)["value"].rename("base")
    long = long.join(base, on=place)
    long["gain"] = long["value"] - long["base"]
    groups = long.groupby(["row", "dataset", "split", "metric"], sort=False)
    return groups.agg(
        mean=("value", "mean"),
        std=("value", "std"),
        n=("value", "count"),
        gain=("gain", "mean"),
        gain_std=("gain", "std"),
        gain_n=("gain", "count"),
    ).reset_index()


def _counts(cells: Iterable[tuple[str, Record | None]]) -> dict[str, dict[str, dict[str, int]]]:
    """By data set, every split as its first finished cell has it; training as the first that used all images."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for dataset, metrics in cells:
        if not metrics:
            continue
        known = found.setdefault(dataset, {"counts": {}, "skipped": {}})
        for kind in known:
            mine = {
                split: number
                for split, number in metrics.get(kind, {}).items()
                if not (split == "train" and "subset" in metrics)
            }
            known[kind] = mine | known[kind]
    return found


def _input_sizes(configs: Iterable[Record]) -> tuple[int, ...]:
    sizes = {config.get("recipe", {}).get("size") for config in configs}
    return tuple(sorted(size for size in sizes if size))


def _methods(rows: tuple[StudyRow, ...], reference: str | None, configs: dict[str, Record]) -> dict[str, str]:
    """Which published model each row is; where several are the same one, the reference or else the first."""
    found = dict.fromkeys((row.key for row in rows), "")
    for key in sorted(found, key=lambda key: key != reference):
        model = configs.get(key, {}).get("model", {})
        slots = tuple(model.get(slot) for slot in ("fusion", "neck", "decoder"))
        method = "" if model.get("plugin") else METHODS.get(slots, "")  # another package's fills no slot
        whole = method != "FIANet" or WHOLE_FIAM | model.get("fiam", {}) == WHOLE_FIAM
        if whole and method not in found.values():
            found[key] = method
    return found


def _random_starts(configs: dict[tuple[str, str], Record]) -> dict[str, tuple[str, ...]]:
    """Rows of which a cell's configuration says `random`: where random weights are usual it says nothing."""
    said: dict[str, set[str]] = {}
    for (row, _), config in configs.items():
        model = {} if config.get("weights") else config.get("model", {})
        said.setdefault(row, set()).update(
            part for part in PARTS if model.get(part, {}).get("pretrained") == RANDOM
        )
    return {row: tuple(part for part in PARTS if part in parts) for row, parts in said.items() if parts}


def _precisions(cells: Iterable[tuple[StudyRow, Record, Cell]]) -> dict[str, str]:
    """In what each row was computed; several words where its cells differ."""
    found: dict[str, set[str]] = {}
    for row, _, cell in cells:
        found.setdefault(row.key, set()).add(cell.precision())
    return {row: " and ".join(sorted(each)) for row, each in found.items()}


def _deviations(
    study: Record, configs: dict[str, Record], precisions: dict[str, str]
) -> tuple[Record, dict[str, dict[str, str]]]:
    """How the table is measured, and what rows do otherwise.

    The table's measure is that of the reference row (of the first, where there is none), but never of a row whose
    epoch was chosen on test while others have theirs chosen on val: it is the former that deviates.
    """
    measured = {
        row: {
            **{key: config.get("protocol", {}).get(key) for key in ("select", "metric", "size")},
            "pixels": config.get("recipe", {}).get("size"),
            "precision": precisions[row],
        }
        for row, config in configs.items()
    }
    fair = [row for row, values in measured.items() if values["select"] != "test"] or list(measured)
    reference = study.get("reference")
    usual = measured.get(reference if reference in fair else next(iter(fair), ""), {})
    found = {
        row: {key: str(value) for key, value in values.items() if value != usual[key]}
        for row, values in measured.items()
    }
    return usual, {row: values for row, values in found.items() if values}
