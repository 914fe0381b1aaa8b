"""JSON as data sets hold it, which may be damaged in ways that Python's reader passes over. Imports no torch."""

import json
from typing import Any


def read_json_text(content: str | bytes) -> Any:
    """The value that JSON text holds.

    Raises:
        ValueError: It is no JSON, is nested too deep, or an object of it gives one key two values: Python's reader
            would take the last of them.
    """
    try:
        return json.loads(content, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if repr(value) != repr(found[key]):
                raise ValueError(f"an object of it has the key {key!r} twice")
    return found
