"""A part of the training images, for quick looks and for studies of how many labels are needed. Imports no torch."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bench.config.schema import DataConfig
from bench.data.reference import Reference


@dataclass(frozen=True)
class Subset:
    """The training references that are used, and of how many images of how many they are."""

    references: tuple[Reference, ...]
    images: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether every image is used."""
        return self.images == self.of


def training_subset(references: Sequence[Reference], data: DataConfig) -> Subset:
    """The references of the images that `data.limit` or `data.fraction` chooses; all where neither is set.

    Images are taken in the order of a hash of their names: the order of the files and the cell's seed change nothing,
    and of two subsets the smaller one lies in the larger one.

    Args:
        references: Of the training split, in any order; the order is kept.
        data: `limit` counts images, `fraction` is their share, rounded, at least one image.
    """
    images = sorted({each.image_id for each in references}, key=_place)
    wanted = len(images)
    if data.fraction is not None:
        wanted = max(1, round(data.fraction * len(images)))
    elif data.limit is not None:
        wanted = min(data.limit, len(images))
    chosen = set(images[:wanted])
    return Subset(tuple(each for each in references if each.image_id in chosen), wanted, len(images))


def limit_note(data: DataConfig, subset: Subset) -> str:
    """One line where `data.limit` asks for more images than there are; empty where it does not."""
    if data.limit is None or data.limit <= subset.of:
        return ""
    return f"data.limit={data.limit}: {data.name} has {subset.of:,} training images; all of them are used."


def _place(image: str) -> str:
    return hashlib.sha256(image.encode(errors="surrogateescape")).hexdigest()
