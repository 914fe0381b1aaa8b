"""Reads the lists of a data set, whatever its layout. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.manifest import read_manifest
from bench.data.on_disk import on_disk
from bench.data.refcoco import read_refcoco
from bench.data.refer_api import Found
from bench.data.reference import Reference
from bench.data.refsegrs import read_refsegrs
from bench.data.rrsisd import read_rrsisd
from bench.terminal.errors import UserError


@dataclass(frozen=True, slots=True)
class Index:
    """A whole data set, references in the order of its files.

    `files` are the lists that were read (not the images and masks): what they say is in `references`.
    """

    name: str
    references: tuple[Reference, ...]
    categories: tuple[str, ...]
    files: tuple[Path, ...]

    def split(self, name: str) -> tuple[Reference, ...]:
        """The references of `train`, `val` or `test`."""
        return tuple(reference for reference in self.references if reference.split == name)


READERS: dict[Layout, Callable[[DataConfig], Found]] = {
    Layout.rrsisd: read_rrsisd,
    Layout.refsegrs: read_refsegrs,
    Layout.refcoco: read_refcoco,
    Layout.manifest: read_manifest,
}
"""A set of layout coco is one of layout rrsisd once it is on disk."""


def read_index(data: DataConfig) -> Index:
    """Reads the lists of a data set; a set the project draws or makes itself is made first if need be.

    Args:
        data: Layout of the set, and where it lies.

    Raises:
        UserError: No such folder, or a list that is missing or not of the layout; names file and entry.
    """
    data = on_disk(data)
    references, categories, files = READERS[Layout(data.layout)](data)
    if not references:
        raise UserError(f"{files[0]}: lists no references.", "Pass a complete set.")
    return Index(data.name, references, categories, files)
