"""Names the content of a data set, so that a cell's identity changes when its data do. Imports no torch."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from bench.config.schema import DataConfig, Layout
from bench.data.index import Index, read_index
from bench.data.reference import FileMask, MaskSource, RleMask
from bench.images.read import is_deep
from bench.storage import files

VERSION = 1  # of what is hashed; raise it when that changes
STRETCHED = "stretched"
MISSING = ""  # hash of a file that is not there
SETTLED_NS = 2 * 10**9  # a younger file may change again within the clock's resolution: not remembered


def fingerprint(data: DataConfig) -> str:
    """16 hex digits for a set's content: sentences, splits, classes, masks, image bytes, ids and order.

    The same content under another path or with other times gives the same digits. What was hashed is
    remembered under `data.cache` by path, size and modification time: asking again costs a look at the times.

    Args:
        data: The set.

    Raises:
        UserError: As `read_index`.
    """
    if data.synthetic is not None:
        from bench.data.synthetic import ensure

        ensure(data)
    return _Record(data).fingerprint() or fingerprint_index(read_index(data), data)


def fingerprint_index(index: Index, data: DataConfig) -> str:
    """`fingerprint` of a set that has been read already."""
    record = _Record(data)
    hashed = record.hash({*needed_files(index), *index.files})
    digest = hashlib.sha256(f"bench data {VERSION}\n".encode())
    for reference in index.references:
        line = [reference.ref_id, reference.split, reference.category, reference.sentence]
        line += [hashed[reference.image].content, *_mask_words(reference.mask, hashed)]
        digest.update(json.dumps(line).encode() + b"\n")
    record.keep(hashed, digest.hexdigest()[:16])
    return digest.hexdigest()[:16]


def content_hashes(paths: Iterable[Path], data: DataConfig) -> dict[Path, str]:
    """What identifies the content of each file, from what `fingerprint` remembers; "" for a file that is not there.

    It is the SHA-256 of its bytes, and a word where the reading of such files changed.
    """
    return {path: entry.content for path, entry in _Record(data).hash(set(paths)).items()}


def needed_files(index: Index) -> set[Path]:
    """The image and mask files of a set."""
    masks = {reference.mask.path for reference in index.references if isinstance(reference.mask, FileMask)}
    return masks | {reference.image for reference in index.references}


class _Entry(NamedTuple):
    """What is remembered of one file; size and time are None for a file that is not there."""

    size: int | None
    mtime_ns: int | None
    content: str


UNSETTLED = _Entry(-1, -1, "")  # matches no file


def _mask_words(mask: MaskSource, hashed: Mapping[Path, _Entry]) -> list[Any]:
    match mask:
        case RleMask(size, counts):
            return ["rle", *size, counts.decode("latin-1")]
        case FileMask(path, threshold):
            return ["file", threshold, hashed[path].content]
        case _:
            return ["none"]


class _Record:
    """The remembered fingerprint of one set, and every file it was made from.

    Two processes that write at once overwrite each other with equally true records.
    """

    def __init__(self, data: DataConfig) -> None:
        place = f"{VERSION}.1 {Layout(data.layout).value} {os.path.abspath(data.root)}"
        self.path = Path(data.cache) / "hashes" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
        stored = files.read_json(self.path) or {"fingerprint": None, "files": {}}
        self.known: str | None = stored["fingerprint"]
        self.entries: dict[str, list[Any]] = stored["files"]

    def fingerprint(self) -> str | None:
        """The remembered fingerprint, if not one file it was made from has changed."""
        same = all(entry[:2] == [*_stamp(path)] for path, entry in self.entries.items())
        return self.known if same else None

    def hash(self, paths: set[Path]) -> dict[Path, _Entry]:
        """The files' content; reads only those that are new or changed."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(paths, pool.map(self._entry, paths), strict=True))

    def keep(self, entries: Mapping[Path, _Entry], fingerprint: str) -> None:
        """Remembers a fingerprint and its files, those alone."""
        lines = {
            os.fspath(path): entry if _is_settled(entry) else UNSETTLED for path, entry in entries.items()
        }
        files.write_text(self.path, json.dumps({"fingerprint": fingerprint, "files": lines}))

    def _entry(self, path: Path) -> _Entry:
        stamp, known = _stamp(path), self.entries.get(os.fspath(path))
        return (
            _Entry(*known) if known is not None and known[:2] == [*stamp] else _Entry(*stamp, _sha256(path))
        )


def _stamp(path: Path | str) -> tuple[int | None, int | None]:
    """Size and modification time."""
    try:
        status = os.stat(path)
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns


def _is_settled(entry: _Entry) -> bool:
    """Whether a file is the same while its time is; one that could not be read may become readable."""
    if entry.mtime_ns is None:
        return True
    return entry.content != MISSING and time.time_ns() - entry.mtime_ns > SETTLED_NS


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return MISSING
    # images of more than 8 bits were once read in another way: what was trained on them has another name now
    return f"{digest} {STRETCHED}" if is_deep(path) else digest
