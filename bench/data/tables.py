"""Reads a table of text, numbers and lists, whichever of three kinds of file it is in. Imports no torch."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bench.data.json_text import read_json_text
from bench.terminal.errors import UserError

LONGEST_CELL = 2**31 - 1  # characters: run lengths and outlines are long
Numbered = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row; cells that hold nothing are not in `cells`.

    Attributes:
        number: The line it begins on, from 1; in a Parquet file, which has no lines, the row.
        where: That in words: "line 3".
        cells: What is in each column.
    """

    number: int
    where: str
    cells: dict[str, Any]


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str], wanted: str) -> list[Row]:
    """The rows of a .csv (UTF-8, commas), .jsonl (an object a line) or .parquet file; blank lines are none.

    Args:
        path: The file.
        needed: Columns that must be there.
        optional: Columns that may be there; others are not looked at.
        wanted: What to pass instead of a file that is no such table.

    Raises:
        UserError: No such file, of another kind, damaged, or without a needed column; names line and column.
    """
    if path.is_dir() or not path.exists():
        what = "is a folder, not a table" if path.is_dir() else "there is no such file"
        raise UserError(f"{path}: {what}.", wanted)
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path}: is none of {', '.join(READERS)}.", wanted)
    if not path.stat().st_size:
        raise UserError(f"{path}: is empty.", "Write it, or copy it, again.")
    word = "row" if read is _parquet else "line"
    columns = (*needed, *optional)
    return [
        Row(number, f"{word} {number}", {key: cells[key] for key in columns if not _is_none(cells.get(key))})
        for number, cells in read(path, needed, optional)
    ]


def _csv(path: Path, needed: Sequence[str], optional: Sequence[str]) -> Iterator[Numbered]:
    csv.field_size_limit(LONGEST_CELL)
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True, skipinitialspace=True)
    columns: list[str] = []
    start = 1
    try:
        for cells in lines:
            if not columns and any(cells):
                columns = [cell.strip() for cell in cells]
                _require(path, f"line {start}", columns, needed, optional)
            elif any(cells):
                if len(cells) != len(columns):
                    raise UserError(
                        f"{path}: line {start}: has {len(cells)} cells, the first line has {len(columns)}.",
                        'Put cells with commas in quotes: "a ship, at the top".',
                    )
                yield start, dict(zip(columns, cells, strict=True))
            start = lines.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}: line {start}: {error}.", 'Close every quote; inside a cell write "" for one.'
        ) from None


def _jsonl(path: Path, needed: Sequence[str], optional: Sequence[str]) -> Iterator[Numbered]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = read_json_text(line)
        except ValueError as error:
            raise UserError(
                f"{path}: line {number}: is no JSON: {error}.", "Write one JSON object a line."
            ) from None
        if not isinstance(cells, dict):
            raise UserError(
                f"{path}: line {number}: is no JSON object.", 'Write {"image": ...} on each line.'
            )
        _require(path, f"line {number}", list(cells), needed, optional)
        yield number, cells


def _parquet(path: Path, needed: Sequence[str], optional: Sequence[str]) -> Iterator[Numbered]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            _require(path, "its schema", file.schema_arrow.names, needed, optional)
            number = 0
            # others may hold whole images
            columns = [each for each in (*needed, *optional) if each in file.schema_arrow.names]
            for batch in file.iter_batches(columns=columns):
                for cells in batch.to_pylist():
                    number += 1
                    yield number, cells
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # the last: text that is not UTF-8
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"{path}: is no readable Parquet file: {said}.", "Write it, or copy it, again."
        ) from None


READERS: dict[str, Callable[[Path, Sequence[str], Sequence[str]], Iterator[Numbered]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line} is not UTF-8 text.", "Save it as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path}: line {line} holds a zero byte: this is no text.", "Save it as UTF-8 text.")
    return text


def _require(
    path: Path, where: str, columns: Sequence[str], needed: Sequence[str], optional: Sequence[str]
) -> None:
    """Refuses a table that lacks a column, or has one twice."""
    for column in needed:
        if column not in columns:
            raise UserError(
                f"{path}: {where}: there is no column {column!r}; there are {', '.join(map(repr, columns))}.",
                _renaming(column, columns) + f"Needed are {', '.join(needed)}.",
            )
    if repeated := [column for column in (*needed, *optional) if list(columns).count(column) > 1]:
        raise UserError(f"{path}: {where}: column {repeated[0]!r} is there twice.", "Remove one of them.")


def _renaming(column: str, columns: Sequence[str]) -> str:
    """What may be wrong with the first line where a column is missing."""
    if other := next((sign for sign in (";", "\t", "|") if len(columns) == 1 and sign in columns[0]), ""):
        return f"Separate columns by commas, not by {other!r}. "
    near = get_close_matches(column, columns, 1, 0.5)
    return f"Is it {near[0]!r}? Then call it {column!r}. " if near else ""


def _is_none(value: Any) -> bool:
    """Whether a cell holds nothing: empty, null, or not a number, also where pandas wrote that as text."""
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan")
    return value is None or (isinstance(value, float) and value != value)
