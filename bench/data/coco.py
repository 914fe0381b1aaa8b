"""Reads a COCO instance file as pictures whose objects can be spoken of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from pycocotools import mask as coco

from bench.data.classes import human, sayable
from bench.data.entries import Entry, Id, by_id, id_of, listed
from bench.data.file_names import FileNames, plain_name
from bench.data.json_text import read_json_text
from bench.data.segmentation import Rle, checked, image_size
from bench.images.read import no_image, orientation
from bench.sentences.predicates import Instance, Scene
from bench.terminal.errors import DataError, UserError

NEEDED = "Pass a COCO instance file: a JSON object with images, annotations and categories."


@dataclass(frozen=True)
class AnnotatedImage:
    """An image file and its objects: `masks[i]` is the mask of `scene.instances[i]`."""

    file: Path
    name: str
    scene: Scene
    masks: tuple[Rle, ...]


@dataclass(frozen=True)
class CocoSet:
    """Pictures in the order of their file names, the names of all categories, and what was left out, a line each."""

    pictures: list[AnnotatedImage]
    categories: list[str]
    left_out: list[str]


def read_coco(file: Path, folder: Path) -> CocoSet:
    """The pictures of a COCO instance file.

    Polygons and run lengths, compressed or not, are read. An annotation without a mask that can be read is left out.
    A class with such an annotation or a crowd region in a picture is uncountable there: nothing can be said about one
    of its instances that surely means no other.

    Args:
        file: The COCO file.
        folder: Where its images lie.

    Raises:
        UserError: The file or an entry of it cannot be read, entries share an id, or images are missing or of another
            size; names the file and the entry.
    """
    content = _load(file)
    named = by_id(listed(content, "categories", file, NEEDED), "categories", file)
    categories = {number: _class_name(entry, file) for number, entry in named.items()}
    images = by_id(listed(content, "images", file, NEEDED), "images", file)
    paths = _require_files(images, file, folder)
    members: dict[Id | None, list[Member]] = {number: [] for number in images}
    left_out = []
    annotations = listed(content, "annotations", file, NEEDED)
    by_id([entry for entry in annotations if entry.get("id") is not None], "annotations", file)
    for place, entry in enumerate(annotations):
        where = f"{file}: annotation {entry.get('id', f'number {place}')}"
        image, category = id_of(entry.get("image_id")), id_of(entry.get("category_id"))
        if image not in images:
            raise UserError(
                f"{where}: image_id {entry.get('image_id')} is not in images.", "Mend or remove it."
            )
        if category not in categories:
            raise UserError(
                f"{where}: category_id {entry.get('category_id')} is not in categories.", "Mend or remove it."
            )
        mask = None
        try:
            size = images[image]["height"], images[image]["width"]
            mask = _mask(entry.get("segmentation") or [], size)
        except DataError as error:
            name = images[image]["file_name"]
            left_out.append(f"{where} ({categories[category]} in {name}): {error.reason}")
        members[image].append(Member(categories[category], _is_crowd(entry, where), mask))
    pictures = [_picture(images[number], paths[number], found) for number, found in members.items()]
    pictures.sort(key=lambda picture: picture.name)
    return CocoSet(pictures, list(dict.fromkeys(categories.values())), left_out)


def _class_name(entry: Entry, file: Path) -> str:
    name = entry.get("name")
    if not sayable(name):
        raise UserError(
            f"{file}: category {entry['id']}: its name {name!r} is nothing that sentences can say.",
            "Give it a name: text on one line, with letters.",
        )
    return human(name)


def _mask(segmentation: Any, size: tuple[Any, Any]) -> Rle:
    """The mask of an annotation. Raises DataError where there is none in it, or none that can be read."""
    mask = checked(segmentation, *size)
    if not coco.area(mask):
        raise DataError("no pixel of the image is in it")
    return mask


def _is_crowd(entry: Entry, where: str) -> bool:
    crowd = entry.get("iscrowd") or 0
    if crowd not in (0, 1):  # text is true, "0" is
        raise UserError(f"{where}: iscrowd is {crowd!r}, not 0 or 1.", "Mend or remove it.")
    return bool(crowd)


def instance_of(category: str, mask: Rle) -> Instance:
    """What can be measured on a mask that is not empty."""
    x, y, w, h = (float(value) for value in coco.toBbox(mask))
    return Instance(category, (x, y, x + w, y + h), float(coco.area(mask)))


@dataclass(frozen=True)
class Member:
    """An annotation of a picture; `mask` is None where it has none."""

    category: str
    crowd: bool
    mask: Rle | None


def _picture(image: Mapping[str, Any], path: Path, members: Sequence[Member]) -> AnnotatedImage:
    instances, masks, uncountable = [], [], set()
    for member in members:
        if member.crowd or member.mask is None:
            uncountable.add(member.category)
            continue
        instances.append(instance_of(member.category, member.mask))
        masks.append(member.mask)
    scene = Scene(int(image["width"]), int(image["height"]), tuple(instances), frozenset(uncountable))
    return AnnotatedImage(path, _written_name(image), scene, tuple(masks))


def _written_name(image: Mapping[str, Any]) -> str:
    return plain_name(str(image["file_name"])).replace("/", "_")


def _load(file: Path) -> Any:
    try:
        return read_json_text(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}.", NEEDED) from None
    except ValueError as error:
        raise UserError(f"{file}: is no JSON: {error}.", NEEDED) from None


def _require_files(images: Mapping[Id | None, Entry], file: Path, folder: Path) -> dict[Id | None, Path]:
    """The file of each image: it is named, has its size, is there, and no two would be written under one name."""
    missing, turned, names = [], [], set()
    files = FileNames(folder)
    paths: dict[Id | None, Path] = {}
    for number, image in images.items():
        where = f"{file}: image {image.get('id')}"
        if not all(image.get(key) for key in ("file_name", "width", "height")):
            raise UserError(f"{where}: lacks file_name, width or height.", "Mend or remove it.")
        try:
            wanted = image_size(image["height"], image["width"])[::-1]
        except DataError as error:
            raise UserError(f"{where}: {error.reason}.", "Mend or remove it.") from None
        name = str(image["file_name"])
        if _written_name(image) in names:
            raise UserError(f"{where}: {name} is listed twice.", "Mend or remove it.")
        names.add(_written_name(image))
        path = paths[number] = files.path(name)
        if not path.is_file():
            missing.append(name)
            continue
        size, shown = _look_at(path)
        if shown != 1:
            turned.append(f"{path}, orientation {shown}")
            continue
        if size != wanted:
            raise UserError(
                f"{path}: is {size[0]} x {size[1]} pixels; {where} is {wanted[0]} x {wanted[1]}.",
                "Pass the images the annotations were made on.",
            )
    if missing:
        raise UserError(
            f"{folder}: lacks {len(missing)} of {len(names)} images (first: {missing[0]}).",
            "Pass the folder that file_name is relative to.",
        )
    if turned:
        raise UserError(
            f"{folder}: viewers turn {len(turned)} images by their EXIF orientation (first: {turned[0]}): "
            "their annotations may belong to the pixels as stored or as shown.",
            "Save them again the way their annotations were made, turned or without the orientation.",
        )
    return paths


def _look_at(path: Path) -> tuple[tuple[int, int], int]:
    """An image's size and EXIF orientation."""
    try:
        with Image.open(path) as image:
            return image.size, orientation(image)
    except UnidentifiedImageError:
        raise UserError(f"{path}: {no_image(path)}.", "Fetch the file again.") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise UserError(f"{path}: is no readable image: {error}.", "Fetch the file again.") from None
