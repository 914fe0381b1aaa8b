"""Reads the published RRSIS-D layout (`bench.data.rrsisd_writer` writes it).

root/rrsisd/refs(unc).p         pickled list of references
root/rrsisd/instances.json      images, annotations (a list of one RLE; xyxy boxes), categories
root/images/rrsisd/JPEGImages/  the images
"""

import json
import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.entries import Entry, Id, by_id, id_of
from bench.data.file_names import FileNames, plain_name
from bench.data.reference import SPLITS, UNKNOWN, MaskSource, NoMask, Reference, RleMask
from bench.data.rrsisd_writer import IMAGES, INSTANCES, REFERENCES
from bench.data.segmentation import compressed
from bench.terminal.errors import DataError, UserError

PLAIN_TYPES = (
    "bool",
    "bytearray",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "set",
    "str",
    "tuple",
)
# NumPy's numbers and what they are to `struct`
NUMBERS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
WANTED = f"Pass data.root=DIR of a set in the RRSIS-D layout: {REFERENCES}, {INSTANCES} and {IMAGES} in DIR."

LISTS = ("categories", "annotations", "images")

Found = tuple[tuple[Reference, ...], tuple[str, ...], tuple[Path, ...]]


SCALAR_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")


class _Kind:
    """Stands for a NumPy dtype in a pickle: which number, and its order of bytes."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = "<" if state[1] == "|" else state[1]


def _dtype(code: Any, *_: Any) -> _Kind:
    if code not in NUMBERS:
        raise pickle.UnpicklingError(f"it holds NumPy values of kind {code!r}; only numbers are allowed")
    return _Kind(code)


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("it holds bytes in an odd form")
    return text.encode("latin-1")


def _scalar(kind: Any, content: Any) -> Any:
    """A NumPy number as Python's own."""
    if not isinstance(kind, _Kind) or not isinstance(content, bytes | str) or kind.order not in ("<", ">"):
        raise pickle.UnpicklingError("it holds NumPy values that are no numbers")
    raw = content if isinstance(content, bytes) else content.encode("latin-1")
    return struct.unpack(kind.order + NUMBERS[kind.code], raw)[0]


@dataclass(frozen=True)
class Lists:
    """What instances.json holds, each under its id."""

    names: dict[Id | None, str]
    annotations: dict[Id | None, Entry]
    images: dict[Id | None, Entry]


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles Python's plain types, and NumPy's numbers as such: nothing a downloaded file names is called."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("builtins", "__builtin__") and name in PLAIN_TYPES:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):  # how older protocols write bytes
            return _bytes
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        if module in SCALAR_MODULES and name == "scalar":
            return _scalar
        raise pickle.UnpicklingError(f"it asks for {module}.{name}; only plain Python values are allowed")


def load_plain_pickle(path: Path) -> Any:
    """The value in a pickle of plain Python types.

    Raises:
        UserError: The file is missing, damaged, or asks for anything but plain types (which is not run).
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file, encoding="utf-8", errors="replace").load()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", WANTED) from None
    except Exception as error:  # damaged pickles raise nearly anything
        what = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: refused: {what}.", "Fetch the file again; do not use it elsewhere either."
        ) from None


def read_rrsisd(root: Path) -> Found:
    """References, categories and list files of a set in the RRSIS-D layout.

    A reference with several sentences gives one `Reference` each: the first keeps the published id, the
    others are numbered on from the largest id of the set, in file order (RRSIS-D has one sentence each).

    Args:
        root: Folder of the set.

    Raises:
        UserError: A list is missing or not of this layout; names file and entry.
    """
    refs_file, instances_file = root / REFERENCES, root / INSTANCES
    refs = load_plain_pickle(refs_file)
    if not isinstance(refs, list):
        raise UserError(f"{refs_file}: is no list of references.", WANTED)
    instances = _load_json(instances_file)
    try:
        categories, annotations, images = (by_id(instances[kind], kind, instances_file) for kind in LISTS)
        lists = Lists({i: str(c["name"]) for i, c in categories.items()}, annotations, images)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{instances_file}: {_said(error)} in images, annotations or categories.", WANTED
        ) from None
    references: list[Reference] = []
    further, files = _further_ids(refs), FileNames(root / IMAGES)
    for number, ref in enumerate(refs):
        try:
            references.extend(_references(ref, lists, files, further))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{refs_file}: entry {number}: {_said(error)}.", WANTED) from None
    return tuple(references), tuple(lists.names.values()), (refs_file, instances_file)


def _references(ref: Entry, lists: Lists, files: FileNames, further: Iterator[int]) -> Iterator[Reference]:
    """One `Reference` per sentence of an entry; an entry without sentences has one empty sentence."""
    annotation = lists.annotations.get(id_of(ref["ann_id"]))
    image = lists.images.get(id_of(ref["image_id"]), ref)
    file_name = str(image["file_name"])
    if ref["split"] not in SPLITS:
        raise ValueError(f"split {ref['split']!r} is none of {', '.join(SPLITS)}")
    mask: MaskSource = NoMask(f"instances.json has no annotation {ref['ann_id']}")
    if annotation is not None:
        mask = _mask(annotation.get("segmentation"), image)
    box, area = (annotation or {}).get("bbox"), (annotation or {}).get("area")
    for place, sentence in enumerate(ref["sentences"] or [{"sent": ""}]):
        yield Reference(
            ref_id=next(further) if place else int(ref["ref_id"]),
            image_id=Path(plain_name(file_name)).stem,
            image=files.path(file_name),
            sentence=str(sentence["sent"]),
            category=lists.names.get(id_of(ref["category_id"]), UNKNOWN),
            split=ref["split"],
            mask=mask,
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])) if box else None,
            area=None if area is None else float(area),
        )


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


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", WANTED) from None
    except ValueError as error:
        raise UserError(f"{path}: is no JSON: {error}.", "Fetch the file again.") from None


def _said(error: Exception) -> str:
    """An exception as words: a KeyError alone says only the key."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
