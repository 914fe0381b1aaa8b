"""Names the content of a data set, so that a cell's identity changes when its data do. Imports no torch."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.index import Index, read_index
from bench.data.on_disk import on_disk
from bench.data.reference import FileMask, LevelMask, MaskSource, RleMask
from bench.data.remembered import FileEntry, Remembered

VERSION = 1  # of what is hashed; raise it when that changes


def fingerprint(data: DataConfig) -> str:
    """16 hex digits for a set's content: sentences, splits, classes, masks, image bytes, ids and order.

    The same content under another path or with other times gives the same digits. What was hashed is
    remembered under `data.cache` by path, size and modification time: asking again costs a look at the times.

    Args:
        data: The set.

    Raises:
        UserError: As `read_index`.
    """
    data = on_disk(data)
    return _remembered(data).fingerprint() or fingerprint_index(read_index(data), data)


def fingerprint_index(index: Index, data: DataConfig) -> str:
    """`fingerprint` of a set that has been read already."""
    record = _remembered(data)
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
    return {path: entry.content for path, entry in _remembered(data).hash(set(paths)).items()}


def needed_files(index: Index) -> set[Path]:
    """The image and mask files of a set."""
    masks = {reference.mask.path for reference in index.references if isinstance(reference.mask, FileMask)}
    return masks | {reference.image for reference in index.references}


def _mask_words(mask: MaskSource, hashed: Mapping[Path, FileEntry]) -> list[Any]:
    match mask:
        case RleMask(size, counts):
            return ["rle", *size, counts.decode("latin-1")]
        case LevelMask(path):
            return ["levels", hashed[path].content]
        case FileMask(path, threshold):
            return ["file", threshold, hashed[path].content]
        case _:
            return ["none"]


def _remembered(data: DataConfig) -> Remembered:
    """What is remembered of the set that lies there."""
    place = f"{VERSION}.1 {Layout(data.layout).value} {_absolute(data.root)}"
    if data.layout == Layout.manifest:
        place += f" {_absolute(data.file)} {bool(data.root)}"
    if data.layout == Layout.refcoco:
        place += f" {_absolute(data.images)} {data.split_by} {data.test_split}"
    return Remembered(Path(data.cache) / "hashes" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json")


def _absolute(path: str | None) -> str:
    return os.path.abspath(path) if path else ""
