"""Which arguments are paths, and what `~` in them means: known to the dataclasses that name the arguments."""

import dataclasses
import os
from typing import Any


def path(default: str | None) -> Any:
    """A field of a dataclass of arguments that holds a path."""
    return dataclasses.field(default=default, metadata={"path": True})


def expand_paths(options: Any) -> None:
    """Replaces a leading `~` by the home folder, in every path of a dataclass and of those in it.

    Shells do so only at the start of a word, not in `data.root=~/rrsisd`.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            expand_paths(value)
        elif isinstance(value, str) and field.metadata.get("path"):
            setattr(options, field.name, os.path.expanduser(value))
