"""Numbers that papers print, each with where it was printed, for tables to show beside ours."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.terminal.arguments import nearest
from bench.terminal.errors import UserError

FILE = Path(__file__).parents[1] / "published.csv"
# Expressions of the published sets: a set of another size under the same name is another set.
SIZES = {"rrsisd": {"val": 1740, "test": 3481}, "refsegrs": {"val": 431, "test": 1817}}
_FIXED = ("method", "dataset", "split", "reported_in", "note")


@dataclass(frozen=True)
class Printed:
    """One line of a published table.

    Attributes:
        method: As its paper spells it.
        dataset: Our name of the data set.
        split: val or test.
        scores: Metric to percent, those that were printed.
        source: Where they were printed.
        note: What a reader must know besides; may be empty.
    """

    method: str
    dataset: str
    split: str
    scores: dict[str, float]
    source: str
    note: str = ""

    def score(self, metric: str) -> float:
        """The printed number, NaN where none was."""
        return self.scores.get(metric, math.nan)


@cache
def read_published(path: Path = FILE) -> tuple[Printed, ...]:
    """All printed lines, in the file's order.

    Raises:
        UserError: A line without a source, or a number that is none.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            _printed(line, f"{path.name}, line {place}") for place, line in enumerate(csv.DictReader(file), 2)
        )


def _printed(line: dict[str, str], place: str) -> Printed:
    if not line["reported_in"]:
        raise UserError(f"{place}: reported_in is empty.", "Say where these numbers were printed.")
    try:
        scores = {name: float(value) for name, value in line.items() if name not in _FIXED and value}
    except ValueError as error:
        raise UserError(f"{place}: {error}.", "Write percentages with a point, or nothing.") from None
    return Printed(line["method"], line["dataset"], line["split"], scores, line["reported_in"], line["note"])


def check_methods(methods: Sequence[str], source: str) -> None:
    """Refuses names that no published line has.

    Raises:
        UserError: Naming the nearest known method.
    """
    known = list(dict.fromkeys(printed.method for printed in read_published()))
    for method in methods:
        if method not in known:
            raise UserError(f"{source}: {method}: no number of it is on file.", nearest(method, known))


def printed_of(methods: Iterable[str], dataset: str, split: str) -> list[Printed]:
    """Every printed line of some methods on one split, in the order of `methods`, then of the file."""
    return [
        printed
        for method in methods
        for printed in read_published()
        if (printed.method, printed.dataset, printed.split) == (method, dataset, split)
    ]


def same_set(dataset: str, split: str, expressions: int | None) -> bool:
    """Whether a split of this name and size is the published one.

    Args:
        dataset: Our name of the set.
        split: val or test.
        expressions: Scored and left out together; None while unknown: the name is believed.
    """
    size = SIZES.get(dataset, {}).get(split)
    return size is not None and expressions in (None, size)
