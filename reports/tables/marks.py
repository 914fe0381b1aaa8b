"""Which numbers of a table stand out, as asked for by who builds a report."""

from dataclasses import dataclass
from enum import StrEnum


class Best(StrEnum):
    """`group`: what a test cannot tell from the highest; `maximum`: the highest and the second, untested."""

    group = "group"
    maximum = "maximum"


class Stars(StrEnum):
    """`seeds`: of tests that speak of other trainings; `images`: also of tests over other images alone."""

    seeds = "seeds"
    images = "images"


@dataclass(frozen=True)
class Marks:
    """What is marked.

    Attributes:
        best: Which numbers are bold.
        stars: Which comparisons get stars.
        rank_printed: Whether numbers of papers compete; with `best=maximum` alone, as nothing can test them.
    """

    best: Best = Best.group
    stars: Stars = Stars.seeds
    rank_printed: bool = False
