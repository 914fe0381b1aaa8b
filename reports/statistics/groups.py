"""Parts of the test split: by category, object size, kind and length of the expression."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.storage.metrics import iou
from reports.statistics.expression_types import Type, expression_type, word_count
from reports.statistics.samples import Samples

SIZES = {"small (<1 %)": 0.01, "medium (1–10 %)": 0.1, "large (≥10 %)": np.inf}  # share of the image, below
LENGTHS = {"≤5 words": 5, "6–10 words": 10, ">10 words": np.inf}
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """A part of the expressions: its name and which of them are in it (E,) bool."""

    name: str
    member: NDArray[np.bool_]


def by_category(facts: pd.DataFrame) -> list[Group]:
    """One group a category, in alphabetical order."""
    return [Group(name, (facts["category"] == name).to_numpy()) for name in sorted(set(facts["category"]))]


def by_size(facts: pd.DataFrame) -> list[Group]:
    """Small, medium and large objects by the share of the image they cover."""
    return _binned(facts["share"].to_numpy(float), SIZES, right=False)


def by_type(facts: pd.DataFrame) -> list[Group]:
    """By what it takes to find the object."""
    types = facts["sentence"].map(expression_type)
    return [Group(kind.value, (types == kind).to_numpy()) for kind in Type]


def by_length(facts: pd.DataFrame) -> list[Group]:
    """By number of words."""
    return _binned(facts["sentence"].map(word_count).to_numpy(float), LENGTHS, right=True)


def _binned(values: Shares, bins: Mapping[str, float], *, right: bool) -> list[Group]:
    place = np.digitize(values, list(bins.values())[:-1], right=right)
    return [Group(name, place == each) for each, name in enumerate(bins)]


def seed_ious(samples: Samples, row: str) -> Shares:
    """(S,E) IoU in percent of every expression and seed."""
    return 100 * iou(samples.scored.intersections[row], samples.scored.unions[row])
