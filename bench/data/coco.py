"""Reads a COCO instance file as pictures whose objects can be spoken of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pycocotools import mask as coco

from bench.data.classes import human
from bench.data.segmentation import Rle, checked, image_size
from bench.sentences.predicates import Instance, Scene
from bench.terminal.errors import DataError, UserError

NEEDED = "Pass coco=FILE of a COCO instance file: a JSON object with images, annotations and categories."


@dataclass(frozen=True)
class AnnotatedImage:
    """An image file and its objects: `masks[i]` is the mask of `scene.instances[i]`."""

    file: Path
    name: str
    scene: Scene
    masks: tuple[Rle, ...]


def read_coco(file: Path, folder: Path) -> tuple[list[AnnotatedImage], list[str]]:
    """The pictures of a COCO instance file, in the order of their file names, and the names of all categories.

    Polygons and run lengths, compressed or not, are read. A class with a crowd region or an empty mask in a picture is
    uncountable there: nothing can be said about one of its instances that surely means no other.

    Args:
        file: The COCO file.
        folder: Where its images lie.

    Raises:
        UserError: The file or an entry of it cannot be read, or images are missing or of another size; names the file
            and the entry.
    """
    content = _load(file)
    categories = {c.get("id"): human(str(c.get("name", ""))) for c in _entries(content, "categories", file)}
    images = {i.get("id"): i for i in _entries(content, "images", file)}
    _require_files(images.values(), file, folder)
    members: dict[Any, list[tuple[str, Mapping[str, Any], Rle]]] = {number: [] for number in images}
    for place, entry in enumerate(_entries(content, "annotations", file)):
        where = f"{file}: annotation {entry.get('id', f'number {place}')}"
        if entry.get("image_id") not in images:
            raise UserError(
                f"{where}: image_id {entry.get('image_id')} is not in images.", "Mend or remove it."
            )
        if entry.get("category_id") not in categories:
            raise UserError(
                f"{where}: category_id {entry.get('category_id')} is not in categories.", "Mend or remove it."
            )
        mask = _mask(entry.get("segmentation"), images[entry["image_id"]], where)
        members[entry["image_id"]].append((categories[entry["category_id"]], entry, mask))
    pictures = [_picture(images[number], folder, found) for number, found in members.items()]
    return sorted(pictures, key=lambda picture: picture.name), list(dict.fromkeys(categories.values()))


def instance_of(category: str, mask: Rle) -> Instance:
    """What can be measured on a mask that is not empty."""
    x, y, w, h = (float(value) for value in coco.toBbox(mask))
    return Instance(category, (x, y, x + w, y + h), float(coco.area(mask)))


def _picture(
    image: Mapping[str, Any], folder: Path, members: Sequence[tuple[str, Mapping[str, Any], Rle]]
) -> AnnotatedImage:
    instances, masks, uncountable = [], [], set()
    for category, entry, rle in members:
        if entry.get("iscrowd") or not coco.area(rle):
            uncountable.add(category)
            continue
        instances.append(instance_of(category, rle))
        masks.append(rle)
    scene = Scene(int(image["width"]), int(image["height"]), tuple(instances), frozenset(uncountable))
    name = str(image["file_name"])
    return AnnotatedImage(folder / name, name.replace("/", "_"), scene, tuple(masks))


def _mask(segmentation: Any, image: Mapping[str, Any], where: str) -> Rle:
    """An annotation's mask as compressed run lengths of the image's size."""
    try:
        return checked(segmentation, image["height"], image["width"])
    except DataError as error:
        raise UserError(
            f"{where}: the segmentation cannot be read: {error.reason}.", "Mend or remove it."
        ) from None


def _load(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise UserError(f"coco={file}: cannot be read: {error.strerror}.", NEEDED) from None
    except ValueError as error:
        raise UserError(f"coco={file}: is no JSON: {error}.", NEEDED) from None
    if not isinstance(content, dict):
        raise UserError(f"coco={file}: is JSON, but no object.", NEEDED)
    return content


def _entries(content: Mapping[str, Any], key: str, file: Path) -> list[Mapping[str, Any]]:
    entries = content.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"coco={file}: has no list {key!r}.", NEEDED)
    return entries


def _require_files(images: Any, file: Path, folder: Path) -> None:
    """Every image is named, has its size, is there, and no two would be written under one name."""
    missing, names = [], set()
    for image in images:
        where = f"{file}: image {image.get('id')}"
        if not all(image.get(key) for key in ("file_name", "width", "height")):
            raise UserError(f"{where}: lacks file_name, width or height.", "Mend or remove it.")
        try:
            wanted = image_size(image["height"], image["width"])[::-1]
        except DataError as error:
            raise UserError(f"{where}: {error.reason}.", "Mend or remove it.") from None
        name = str(image["file_name"])
        if name.replace("/", "_") in names:
            raise UserError(f"{where}: {name} is listed twice.", "Mend or remove it.")
        names.add(name.replace("/", "_"))
        path = folder / name
        if not path.is_file():
            missing.append(name)
            continue
        size = _image_size(path)
        if size != wanted:
            raise UserError(
                f"{path}: is {size[0]} x {size[1]} pixels; {where} is {wanted[0]} x {wanted[1]}.",
                "Pass the images the annotations were made on.",
            )
    if missing:
        raise UserError(
            f"images={folder}: lacks {len(missing)} of {len(names)} images (first: {missing[0]}).",
            "Pass images=DIR of the folder that file_name is relative to.",
        )


def _image_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            return image.size
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise UserError(f"{path}: is no readable image: {error}.", "Fetch the file again.") from None
