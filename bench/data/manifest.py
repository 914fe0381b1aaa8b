"""Reads a set that is listed in one table, a sentence a row: CSV, JSONL or Parquet.

image      path of the image, from the table's folder, or from data.root
mask       path of a mask image, COCO run lengths, or outlines (as lists, or JSON text)
sentence   what is asked for
split      train, val (or valid, validation, dev), test
category   what the sentence means, for tables by class; may be left out
id         a whole number that no other row has; may be left out: rows are then numbered by their lines
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from bench.config.schema import DataConfig
from bench.data.entries import id_of
from bench.data.file_names import FileNames, plain_name
from bench.data.json_text import read_json_text
from bench.data.refer_api import MOST, Found
from bench.data.reference import SPLITS, UNKNOWN, LevelMask, MaskSource, NoMask, Reference, RleMask
from bench.data.segmentation import compressed, shown
from bench.data.tables import Row, read_table
from bench.images.read import header_size
from bench.terminal.errors import DataError, UserError

NEEDED = ("image", "mask", "sentence", "split")
OPTIONAL = ("category", "id")
SPLIT_OF = {split: split for split in SPLITS} | dict.fromkeys(("valid", "validation", "dev"), "val")
WANTED = "Pass data.file=FILE, a table .csv, .jsonl or .parquet of image, mask, sentence and split."


class _Wrong(Exception):
    """A cell that cannot be used: which and why, and what to do."""

    def __init__(self, row: Row, column: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.what, self.remedy = f"{row.where}: column {column!r}: {reason}", remedy


def read_manifest(data: DataConfig) -> Found:
    """References, categories and the table they were read from.

    A mask that cannot be used spoils its own reference alone, which the audit then tells.

    Args:
        data: `file` is the table; its paths start from `root`, from its own folder where that is empty.

    Raises:
        UserError: No such table, or cells in it that cannot be used; names file, line and column of the first.
    """
    file = Path(data.file or "")
    rows = read_table(file, NEEDED, OPTIONAL, WANTED)
    root = Path(data.root) if data.root else file.parent
    if not root.is_dir():
        raise UserError(f"data.root={data.root}: there is no such folder.", "Leave it out, or pass another.")
    reader = _Reader(file, root, rows)
    references: list[Reference] = []
    wrong: list[_Wrong] = []
    for row in rows:
        try:
            references.append(reader.reference(row))
        except _Wrong as error:
            wrong.append(error)
    if wrong:
        more = f" ({len(wrong)} rows cannot be used)" if len(wrong) > 1 else ""
        raise UserError(f"{file}: {wrong[0].what}{more}.", wrong[0].remedy)
    return tuple(references), _categories(references), (file,)


def _categories(references: Sequence[Reference]) -> tuple[str, ...]:
    """In the order they are met; `unknown` is one only where there is no other."""
    found = list(dict.fromkeys(reference.category for reference in references))
    return tuple(name for name in found if name != UNKNOWN or len(found) == 1)


class _Reader:
    """Makes references of rows; remembers what was met, and what was looked up."""

    def __init__(self, file: Path, root: Path, rows: Sequence[Row]) -> None:
        self.file, self.files = file, FileNames(root)
        self.numbered = not any("id" in row.cells for row in rows)
        self.row_of: dict[int, str] = {}
        self.sizes: dict[Path, tuple[int, int]] = {}
        # two images of one name, a.png and a.jpg, are told apart by their endings
        names = {plain_name(str(row.cells.get("image"))) for row in rows}
        self.endings = len({_stem(name) for name in names}) < len(names)

    def reference(self, row: Row) -> Reference:
        """The row as a reference. Raises _Wrong where a cell cannot be used."""
        name = _text(row, "image").strip()
        image, plain = self.files.path(name), plain_name(name)
        split = _text(row, "split").strip()
        if split.lower() not in SPLIT_OF:
            raise _Wrong(
                row, "split", f"{split!r} is none of {', '.join(SPLIT_OF)}", "Name one of the three splits."
            )
        return Reference(
            ref_id=self._id(row),
            image_id=plain if self.endings else _stem(plain),
            image=image,
            sentence=" ".join(_text(row, "sentence").split()),
            category=_text(row, "category").strip() if "category" in row.cells else UNKNOWN,
            split=SPLIT_OF[split.lower()],
            mask=self._mask(row, image),
        )

    def _id(self, row: Row) -> int:
        if self.numbered:
            return row.number
        remedy = "Give whole numbers from 0, or no column id at all: rows are then numbered by their lines."
        if "id" not in row.cells:
            raise _Wrong(row, "id", "is empty", remedy)
        number = id_of(row.cells["id"])
        if not isinstance(number, int) or not 0 <= number < MOST:
            raise _Wrong(row, "id", f"{row.cells['id']!r} is no whole number from 0", remedy)
        if (other := self.row_of.setdefault(number, row.where)) != row.where:
            raise _Wrong(row, "id", f"{number} is the id of {other} too", "Give every row an id of its own.")
        return number

    def _mask(self, row: Row, image: Path) -> MaskSource:
        value = row.cells.get("mask")
        if value is None:
            raise _Wrong(row, "mask", "is empty", "Fill it in, or remove the row.")
        try:
            if isinstance(value, str) and not value.lstrip().startswith(("{", "[")):
                return LevelMask(self.files.path(value.strip()))
            rle = self._run_lengths(read_json_text(value) if isinstance(value, str) else value, image)
        except ValueError as error:
            return self._none(row, f"is no JSON (json.dumps writes it): {error}")
        except DataError as error:
            return self._none(row, error.reason)
        return RleMask((rle["size"][0], rle["size"][1]), rle["counts"])

    def _none(self, row: Row, reason: str) -> NoMask:
        return NoMask(f"{self.file.name}, {row.where}, column 'mask': {reason}")

    def _run_lengths(self, value: Any, image: Path) -> dict[str, Any]:
        """A mask that stands in the table; what does not say its size has its image's."""
        if isinstance(value, dict):
            sized = value if value.get("size") is not None else {**value, "size": self._size(image)}
            return compressed(sized, None, None)
        if isinstance(value, list) and value and all(isinstance(each, int | float) for each in value):
            value = [value]  # one outline, not in a list of outlines
        return compressed(value, *self._size(image))

    def _size(self, image: Path) -> tuple[int, int]:
        if image not in self.sizes:
            try:
                self.sizes[image] = header_size(image)
            except DataError as error:
                raise DataError(f"its size is its image's, which cannot be read: {error.reason}") from None
        return self.sizes[image]


def _text(row: Row, column: str) -> str:
    value = row.cells.get(column)
    if value is None:
        raise _Wrong(row, column, "is empty", "Fill it in, or remove the row.")
    if isinstance(value, int) and not isinstance(value, bool):  # as a CSV, which knows no numbers
        return str(value)
    if not isinstance(value, str):
        raise _Wrong(row, column, f"{shown(value)} is no text", "Write text there.")
    return value


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name
