"""Finds files under the names that lists give them, however these are spelled. Imports no torch."""

import os
import unicodedata
from functools import cache
from pathlib import Path


def plain_name(name: str) -> str:
    """A name as it is compared: accents composed (NFC), folders apart by slashes alone."""
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


class FileNames:
    """The files under a folder; what it held is remembered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = cache(_names)

    def path(self, name: str) -> Path:
        """The file of that name, else the only one that differs in spelling alone, else where it should be.

        Systems write é as one sign or as two, and Windows puts backslashes between folders.
        """
        exact = self.folder / name
        if exact.name in self._names(exact.parent).get(plain_name(exact.name), ()):
            return exact
        wanted = self.folder / plain_name(name)
        found = self._names(wanted.parent).get(wanted.name, ())
        return wanted.parent / found[0] if len(found) == 1 else exact


def _names(folder: Path) -> dict[str, list[str]]:
    """The names in a folder, by how they are compared."""
    found: dict[str, list[str]] = {}
    try:
        for name in os.listdir(folder):
            found.setdefault(plain_name(name), []).append(name)
    except (OSError, ValueError):  # the last: no folder can have such a name
        pass
    return found
