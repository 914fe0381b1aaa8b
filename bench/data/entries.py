"""Entries of a COCO-like list by their ids: an id that two entries share would name either, so it names none."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.terminal.errors import UserError

Entry = Mapping[str, Any]
Id = int | str
_NAMES = {"images": "file_name", "annotations": "image_id", "categories": "name"}


def id_of(value: Any) -> Id | None:
    """An id by its value: 1, 1.0 and "1" are the same one; None: no id."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal() and str(int(value)) == value.strip():
        return int(value)
    return value if isinstance(value, int | str) else None


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
