"""Entries of a COCO-like list by their ids: an id that two entries share would name either, so it names none."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.terminal.errors import UserError

Entry = Mapping[str, Any]
Id = int | str
MOST_DIGITS = 4000  # Python refuses to read numbers of many more
_NAMES = {"images": "file_name", "annotations": "image_id", "categories": "name"}


def id_of(value: Any) -> Id | None:
    """An id by its value: 1, 1.0 and "1" are the same one; None: no id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        digits = value.strip()
        if digits.isdecimal() and len(digits) < MOST_DIGITS and str(int(digits)) == digits:
            return int(digits)
    return value if isinstance(value, int | str) else None


def listed(content: Any, kind: str, file: Path, wanted: str) -> list[Entry]:
    """The list of that kind in what a file holds.

    Raises:
        UserError: There is none, or it holds something else than entries; its remedy is what is wanted.
    """
    if not isinstance(content, dict):
        raise UserError(f"{file}: is JSON, but no object.", wanted)
    entries = content.get(kind)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{file}: has no list {kind!r}.", wanted)
    return entries


def by_id(entries: Iterable[Entry], kind: str, file: Path) -> dict[Id | None, Entry]:
    """The entries of a list under their ids; none lies under None.

    Args:
        entries: The list.
        kind: images, annotations or categories.
        file: Where it was read, for messages.

    Raises:
        UserError: An entry has no id, or two have the same; names both.
    """
    found: dict[Id, tuple[int, Entry]] = {}
    repeated: list[str] = []
    for place, entry in enumerate(entries):
        number = id_of(entry.get("id"))
        if number is None:
            raise UserError(
                f"{file}: {kind}: entry {place} has no id ({_said(kind, entry)}).", "Mend or remove it."
            )
        first, other = found.setdefault(number, (place, entry))
        if first != place:
            repeated.append(
                f"id {number} is entry {first} ({_said(kind, other)}) and entry {place} ({_said(kind, entry)})"
            )
    if repeated:
        rest = f", and {len(repeated) - 1} more" if len(repeated) > 1 else ""
        raise UserError(
            f"{file}: {kind} share ids: {repeated[0]}{rest}.",
            "Give every entry an id of its own; merged files need new ids for one of the two.",
        )
    return {number: entry for number, (_, entry) in found.items()}


def _said(kind: str, entry: Entry) -> str:
    key = _NAMES[kind]
    return f"{key} {entry.get(key)!r}"
