"""Remembers a name that was made from the content of files, and their hashes, until one of them changes.

Imports no torch.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from bench.images.read import is_deep
from bench.storage import files

STRETCHED = "stretched"
MISSING = ""  # hash of a file that is not there
SETTLED_NS = 2 * 10**9  # a younger file may change again within the clock's resolution: not remembered


class FileEntry(NamedTuple):
    """What is remembered of one file; size and time are None for a file that is not there."""

    size: int | None
    mtime_ns: int | None
    content: str


UNSETTLED = FileEntry(-1, -1, "")  # matches no file


class Remembered:
    """The remembered fingerprint of one thing, and every file it was made from; a file of its own on disk.

    Two processes that write at once overwrite each other with equally true records.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        stored: Any = files.read_json(self.path)
        if not _is_record(stored):
            stored = {"fingerprint": None, "files": {}}
        self.known: str | None = stored["fingerprint"]
        self.entries: dict[str, list[Any]] = stored["files"]

    def fingerprint(self) -> str | None:
        """The remembered fingerprint, if not one file it was made from has changed."""
        same = all(entry[:2] == [*_stamp(path)] for path, entry in self.entries.items())
        return self.known if same else None

    def hash(self, paths: set[Path]) -> dict[Path, FileEntry]:
        """The files' content; reads only those that are new or changed."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(paths, pool.map(self._entry, paths), strict=True))

    def keep(self, entries: Mapping[Path, FileEntry], fingerprint: str) -> None:
        """Remembers a fingerprint and its files, those alone."""
        lines = {
            os.fspath(path): entry if _is_settled(entry) else UNSETTLED for path, entry in entries.items()
        }
        files.write_text(self.path, json.dumps({"fingerprint": fingerprint, "files": lines}))

    def _entry(self, path: Path) -> FileEntry:
        stamp, known = _stamp(path), self.entries.get(os.fspath(path))
        return (
            FileEntry(*known)
            if known is not None and known[:2] == [*stamp]
            else FileEntry(*stamp, _sha256(path))
        )


def _is_record(stored: Any) -> bool:
    """Whether a file holds what `keep` writes; one that another program broke is as good as none."""
    entries = stored.get("files") if isinstance(stored, dict) and "fingerprint" in stored else None
    return isinstance(entries, dict) and all(
        isinstance(entry, list) and len(entry) == len(FileEntry._fields) for entry in entries.values()
    )


def _stamp(path: Path | str) -> tuple[int | None, int | None]:
    """Size and modification time."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # the last: no file can have such a name
        return None, None
    return status.st_size, status.st_mtime_ns


def _is_settled(entry: FileEntry) -> bool:
    """Whether a file is the same while its time is; one that could not be read may become readable."""
    if entry.mtime_ns is None:
        return True
    return entry.content != MISSING and time.time_ns() - entry.mtime_ns > SETTLED_NS


def _sha256(path: Path) -> str:
    if not os.path.isfile(path):  # also a pipe, which would be waited for
        return MISSING
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return MISSING
    # images of more than 8 bits were once read in another way: what was trained on them has another name now
    return f"{digest} {STRETCHED}" if is_deep(path) else digest
