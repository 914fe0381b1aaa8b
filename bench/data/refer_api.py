"""Reads the two lists of the `refer` API: references (a pickle) and COCO-like instances. RefCOCO has them, and RRSIS-D.

refs(<who split it>).p    pickled list of references, each of one annotation, with its sentences and its split
instances.json            images, annotations (polygons or run lengths, boxes), categories
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.entries import Entry, Id, by_id, id_of, listed
from bench.data.file_names import FileNames, plain_name
from bench.data.json_text import read_json_text
from bench.data.plain_pickle import load_plain_pickle
from bench.data.reference import UNKNOWN, Box, MaskSource, NoMask, Reference, RleMask
from bench.data.segmentation import compressed
from bench.terminal.errors import DataError, UserError

MOST = 2**63  # of ids: what a file of numbers can hold
MEND = "Mend or remove it, or fetch the file again."
LISTS = ("categories", "annotations", "images")

Found = tuple[tuple[Reference, ...], tuple[str, ...], tuple[Path, ...]]
"""References, categories, and the lists they were read from."""


@dataclass(frozen=True)
class ReferSet:
    """A set in this form.

    Attributes:
        refs: The pickled list.
        instances: The JSON.
        images: Folder of the images.
        splits: What the splits of the list are to us; None: left out.
        corners: Whether boxes are x0 y0 x1 y1, as RRSIS-D's are, and not COCO's x y width height.
        wanted: What to do where something of it is missing.
    """

    refs: Path
    instances: Path
    images: Path
    splits: Mapping[str, str | None]
    corners: bool
    wanted: str


@dataclass(frozen=True)
class Lists:
    """What instances.json holds, each under its id."""

    names: dict[Id | None, str]
    annotations: dict[Id | None, Entry]
    images: dict[Id | None, Entry]


def read_refer(found: ReferSet) -> Found:
    """References, categories and list files of a set.

    A reference with several sentences gives one `Reference` each: the first keeps the published id, the
    others are numbered on from the largest id of the set, in file order (RRSIS-D has one sentence each).

    Raises:
        UserError: A list is missing or not of this form; names file and entry.
    """
    refs = load_plain_pickle(found.refs, found.wanted)
    if not isinstance(refs, list):
        raise UserError(f"{found.refs}: is no list of references.", found.wanted)
    instances = _load_json(found.instances, found.wanted)
    categories, annotations, images = (
        by_id(listed(instances, kind, found.instances, found.wanted), kind, found.instances) for kind in LISTS
    )
    try:
        names = {i: _name(category["name"], "name") for i, category in categories.items()}
    except (KeyError, ValueError) as error:
        raise UserError(f"{found.instances}: categories: {_said(error)}.", MEND) from None
    lists = Lists(names, annotations, images)
    references: list[Reference] = []
    further, files = _further_ids(refs), FileNames(found.images)
    for number, ref in enumerate(refs):
        try:
            references.extend(_references(ref, found, lists, files, further))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f"{found.refs}: entry {number}: {_said(error)}.", MEND) from None
    return tuple(references), tuple(lists.names.values()), (found.refs, found.instances)


def _references(
    ref: Entry, found: ReferSet, lists: Lists, files: FileNames, further: Iterator[int]
) -> Iterator[Reference]:
    """One `Reference` per sentence of an entry; an entry without sentences has one empty sentence."""
    annotation = lists.annotations.get(id_of(ref["ann_id"]))
    image = lists.images.get(id_of(ref["image_id"]), ref)
    file_name = _name(image["file_name"], "file_name")
    if ref["split"] not in found.splits:
        raise ValueError(f"split {ref['split']!r} is none of {', '.join(found.splits)}")
    split = found.splits[ref["split"]]
    if split is None:
        return
    mask: MaskSource = NoMask(f"instances.json has no annotation {ref['ann_id']}")
    if annotation is not None:
        mask = _mask(annotation.get("segmentation"), image)
    box, area = (annotation or {}).get("bbox"), (annotation or {}).get("area")
    for place, sentence in enumerate(ref["sentences"] or [{"sent": ""}]):
        yield Reference(
            ref_id=next(further) if place else _number(ref["ref_id"]),
            image_id=Path(plain_name(file_name)).stem,
            image=files.path(file_name),
            sentence=_text(sentence["sent"], "a sentence"),
            category=lists.names.get(id_of(ref["category_id"]), UNKNOWN),
            split=split,
            mask=mask,
            box=_box(box, found.corners) if box else None,
            area=None if area is None else float(area),
            other_image=_other_image(ref, annotation or {}),
        )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is {value!r}, no text")
    return value


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is {value!r}, no name")
    return value


def _number(value: Any) -> int:
    number = id_of(value)
    if not isinstance(number, int) or not -MOST <= number < MOST:
        raise ValueError(f"ref_id {value!r} is no whole number")
    return number


def _other_image(ref: Entry, annotation: Entry) -> str:
    """The image that the annotation says it is of, where that is not the reference's."""
    own, other = id_of(ref["image_id"]), id_of(annotation.get("image_id"))
    return "" if None in (own, other) or own == other else f"annotation {ref['ann_id']} is of image {other}"


def _box(box: Any, corners: bool) -> Box:
    left, top, right, bottom = (float(box[place]) for place in range(4))
    return (left, top, right, bottom) if corners else (left, top, left + right, top + bottom)


def _mask(segmentation: Any, image: Entry) -> MaskSource:
    """The mask of an annotation; one bad mask must not stop the others."""
    try:
        rle = compressed(segmentation, image.get("height"), image.get("width"))
    except DataError as error:
        return NoMask(f"the segmentation cannot be read: {error.reason}")
    return RleMask((rle["size"][0], rle["size"][1]), rle["counts"])


def _further_ids(refs: list[Any]) -> Iterator[int]:
    """Ids nobody has: for the second and later sentences of a reference."""
    used = [ref["ref_id"] for ref in refs if isinstance(ref, dict) and isinstance(ref.get("ref_id"), int)]
    number = max(used, default=-1)
    while True:
        number += 1
        yield number


def _load_json(path: Path, wanted: str) -> Any:
    try:
        return read_json_text(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", wanted) from None
    except ValueError as error:
        raise UserError(f"{path}: is no JSON: {error}.", "Fetch the file again.") from None


def _said(error: Exception) -> str:
    """An exception as words: a KeyError alone says only the key."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
