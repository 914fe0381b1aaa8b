"""Reads the lists of a data set, whatever its layout. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.config.schema import DataConfig, Layout
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


Content = tuple[tuple[Reference, ...], tuple[str, ...], tuple[Path, ...]]
READERS: dict[Layout, Callable[[Path], Content]] = {
    Layout.rrsisd: read_rrsisd,
    Layout.refsegrs: read_refsegrs,
}


def read_index(data: DataConfig) -> Index:
    """Reads the lists of a data set; a set the project draws itself is drawn first if need be.

    Args:
        data: Layout and root of the set.

    Raises:
        UserError: No such folder, or a list that is missing or not of the layout; names file and entry.
    """
    if data.synthetic is not None:
        from bench.data.synthetic import ensure

        ensure(data)
    root = Path(data.root)
    if not root.is_dir():
        raise UserError(
            f"data.root={data.root}: there is no such folder.",
            "Pass data.root=DIR where the set lies, or make one: `python -m bench.refer coco= images= out=`.",
        )
    references, categories, files = READERS[Layout(data.layout)](root)
    if not references:
        raise UserError(f"{files[0]}: lists no references.", "Pass data.root=DIR of a complete set.")
    return Index(data.name, references, categories, files)
