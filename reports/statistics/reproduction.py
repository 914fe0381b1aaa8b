"""Whether a printed number is one that our trainings could have given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reports.statistics.evidence import Place
from reports.statistics.samples import Samples
from reports.statistics.two_way import seeds_and_images

ROUNDING = 0.005  # printed numbers have two decimals


class Reproduced(StrEnum):
    """Whether the printed number lies inside our interval; unknown where that covers images alone, or is missing."""

    yes = "yes"
    no = "no"
    unknown = "unknown"


@dataclass(frozen=True)
class Reproduction:
    """The interval of our numbers.

    Attributes:
        intervals: Metric to the ends of the 95 % interval; empty without stored expressions.
        seeds: How many it is over; with one it covers images alone.
        images: Likewise.
    """

    intervals: dict[str, tuple[float, float]]
    seeds: int = 0
    images: int = 0

    def verdict(self, metric: str, printed: float) -> Reproduced:
        """Whether a printed number lies inside."""
        if self.seeds < 2 or metric not in self.intervals:
            return Reproduced.unknown
        low, high = self.intervals[metric]
        return Reproduced.yes if low - ROUNDING <= printed <= high + ROUNDING else Reproduced.no

    @property
    def covers(self) -> str:
        """Which variation the interval covers, as a sentence."""
        if not self.intervals:
            return "No interval: no expressions of this split are stored that can be compared."
        if self.seeds == 1:
            return f"95 % interval over {self.images:,} images; one seed: other seeds are not covered."
        return f"95 % interval over {self.seeds} seeds and {self.images:,} images together."


def reproduction(samples: Mapping[Place, Samples], place: Place, row: str) -> Reproduction:
    """Our interval of one row on one data set and split."""
    found = samples.get(place)
    if found is None or row not in found.scored.rows:
        return Reproduction({})
    return Reproduction(
        seeds_and_images(found.scored, row),
        len(found.seeds[row]),
        int(found.scored.images.max()) + 1,
    )
