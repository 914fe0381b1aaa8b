"""Writes a referring data set in the published RRSIS-D layout; the one writer (`bench.data.rrsisd` reads).

root/rrsisd/refs(unc).p         pickled list of references, builtins only
root/rrsisd/instances.json      COCO-like: images, annotations (RLE masks, xyxy boxes), categories
root/images/rrsisd/JPEGImages/  the images
"""

import json
import os
import pickle
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from bench.data.segmentation import Rle

IMAGES = Path("images/rrsisd/JPEGImages")
REFERENCES = Path("rrsisd/refs(unc).p")
INSTANCES = Path("rrsisd/instances.json")


@dataclass(frozen=True)
class ImageFile:
    """One image of the set: its name, size in pixels, and the encoded bytes that are written as they are."""

    name: str
    width: int
    height: int
    content: bytes


def encode(mask: np.ndarray) -> Rle:
    """Run lengths of a mask (H, W) bool."""
    rle: Rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return rle


@dataclass(frozen=True)
class NewReference:
    """One sentence and the mask it means; `image` names an `ImageFile`."""

    image: str
    category: str
    split: str
    sentence: str
    mask: Rle


def write_rrsisd(
    root: Path,
    images: Iterable[ImageFile],
    references: Sequence[NewReference],
    categories: Sequence[str],
    extra: Mapping[str, str] | None = None,
) -> None:
    """Writes the whole set, or nothing: everything goes to a folder beside `root` that is renamed at the end.

    The same arguments give the same bytes. As in the published set, each reference has one sentence and one
    annotation of its own (same id), category ids count from 0, and boxes are xyxy. A folder already at `root`
    is replaced.

    Args:
        root: Folder of the set.
        images: Consumed one by one, so a large set never lies in memory.
        references: In the order of their ids.
        categories: Every category, in the order of its id.
        extra: Further text files, relative to `root`.
    """
    with _replacing(root) as folder:
        (folder / IMAGES).mkdir(parents=True)
        (folder / REFERENCES).parent.mkdir()
        entries: dict[str, dict[str, Any]] = {}
        for image in images:
            (folder / IMAGES / image.name).write_bytes(image.content)
            entries[image.name] = {
                "id": len(entries),
                "file_name": image.name,
                "width": image.width,
                "height": image.height,
            }
        ids = {name: number for number, name in enumerate(categories)}
        refs = [_reference(i, r, entries, ids) for i, r in enumerate(references)]
        annotations = [_annotation(i, r, entries, ids) for i, r in enumerate(references)]
        # Pickle writes equal strings differently when they are one object; the detour makes the bytes depend
        # on values alone.
        (folder / REFERENCES).write_bytes(pickle.dumps(json.loads(json.dumps(refs)), protocol=2))
        (folder / INSTANCES).write_text(
            json.dumps(
                {
                    "images": list(entries.values()),
                    "annotations": annotations,
                    "categories": [{"id": number, "name": name} for name, number in ids.items()],
                }
            )
        )
        for name, text in (extra or {}).items():
            (folder / name).write_text(text)


def _reference(
    number: int, reference: NewReference, images: Mapping[str, Any], ids: Mapping[str, int]
) -> dict:
    sentence = reference.sentence
    words = {"sent_id": number, "sent": sentence, "raw": sentence, "tokens": sentence.lower().split()}
    return {
        "ref_id": number,
        "ann_id": number,
        "image_id": images[reference.image]["id"],
        "category_id": ids[reference.category],
        "split": reference.split,
        "file_name": reference.image,
        "sent_ids": [number],
        "sentences": [words],
    }


def _annotation(
    number: int, reference: NewReference, images: Mapping[str, Any], ids: Mapping[str, int]
) -> dict:
    rle = reference.mask
    x, y, w, h = (float(value) for value in coco.toBbox(rle))
    return {
        "id": number,
        "image_id": images[reference.image]["id"],
        "category_id": ids[reference.category],
        "segmentation": [
            {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
        ],
        "bbox": [x, y, x + w, y + h],
        "area": int(coco.area(rle)),
        "iscrowd": 0,
    }


@contextmanager
def _replacing(root: Path) -> Iterator[Path]:
    """Gives an empty folder beside `root` that takes its place when the block ends without an exception."""
    root = Path(os.path.abspath(root))
    root.parent.mkdir(parents=True, exist_ok=True)
    new, old = (root.parent / f".{root.name}.{word}-{os.getpid()}" for word in ("new", "old"))
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if root.exists():
            root.rename(old)
        new.rename(root)
    finally:
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)
