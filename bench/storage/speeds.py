"""How fast cells train: those done in this store, else where their scale was measured."""

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from bench.config.schema import Config
from bench.storage.store import Record, Store


@dataclass(frozen=True)
class Estimate:
    """Training speed of one cell, and where the number comes from."""

    images_per_second: float
    source: str


def trained(history: list[Record], images: int) -> tuple[int, float]:
    """Images that were trained and the seconds this took, evaluations included.

    Of an epoch cut by a kill, seconds and images are those of the attempt that ended it.

    Args:
        history: A cell's.
        images: Of an epoch, for records of older versions, which have no `images`.
    """
    return (
        sum(epoch.get("images", images) for epoch in history),
        sum(epoch["seconds"] for epoch in history),
    )


class Speeds:
    """How fast cells trained that are done in a store.

    Args:
        store: Read once, here.
    """

    def __init__(self, store: Store) -> None:
        self._known: list[tuple[dict[str, Any], float]] = []
        for cell in store.cells():
            if metrics := cell.metrics():
                images, seconds = trained(cell.history(), metrics["counts"]["train"])
                if images and seconds:
                    self._known.append((cell.config(), images / seconds))

    def of(self, config: Config) -> Estimate:
        """The median of cells of this model and image size, else of its scale, else what was measured elsewhere."""
        wanted = asdict(config.model)  # enumerations equal their names
        sized = [
            (known["model"], rate)
            for known, rate in self._known
            if known["recipe"]["size"] == config.recipe.size
            and known["model"]["encoder"]["embed_dim"] == config.model.encoder.embed_dim
        ]
        alike = [rate for model, rate in sized if model == wanted] or [rate for _, rate in sized]
        if alike:
            return Estimate(statistics.median(alike), f"median of {len(alike)} cells done here")
        return Estimate(
            config.images_per_second,
            "none was done here yet: measured on one core (tiny) or one GPU elsewhere",
        )
