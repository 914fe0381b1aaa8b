"""Rows trained on part of the training images, and the families of rows that differ in that part alone."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from bench.storage.cell import Record
from bench.storage.store import Store

PARTS = ("limit", "fraction")  # keys of an identity's data that say which part


@dataclass(frozen=True)
class TrainedOn:
    """Part of the training split: images, of how many, and the sentences of those images."""

    images: int
    of: int
    sentences: int


def trained_on(metrics: Record) -> TrainedOn | None:
    """What a finished cell says of its training images; None where it used all of them."""
    subset = metrics.get("subset")
    if not isinstance(subset, dict):
        return None
    return TrainedOn(subset["images"], subset["of"], metrics["counts"]["train"])


@dataclass(frozen=True)
class Family:
    """Rows that are one model and one recipe on different parts of the training images.

    Attributes:
        label: What their labels begin with.
        images: Row key to the number of its training images, in rising order.
    """

    label: str
    images: dict[str, int]


def families(
    store: Store, cells: Mapping[str, str], labels: Mapping[str, str], parts: Mapping[str, TrainedOn]
) -> list[Family]:
    """The families of two rows and more on one data set, in the order of their first rows.

    Args:
        store: Holds the cells' identities.
        cells: Row key to one of its finished cells.
        labels: Row key to label.
        parts: Row key to its part of the training images; rows that used all of them are not in it.
    """
    whole = max((part.of for part in parts.values()), default=0)
    found: dict[str, dict[str, int]] = {}
    for row, cell in cells.items():
        alike = _but_for_the_part(store.cell(cell).description().get("identity", {}))
        found.setdefault(alike, {})[row] = parts[row].images if row in parts else whole
    return [
        Family(_label(labels[row] for row in rows), dict(sorted(rows.items(), key=lambda each: each[1])))
        for rows in found.values()
        if len(set(rows.values())) > 1
    ]


def _but_for_the_part(identity: Record) -> str:
    data = {key: value for key, value in identity.get("data", {}).items() if key not in PARTS}
    return json.dumps(identity | {"data": data, "seed": None}, sort_keys=True)


def _label(labels: Iterable[str]) -> str:
    """The words that all labels begin with: of `LAVT, 10 %` and `LAVT, 100 %` it is LAVT."""
    names = list(labels)
    places = zip(*(name.split(" ") for name in names), strict=False)
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, places)]
    return " ".join(shared).rstrip(" ,:(") or names[-1]
