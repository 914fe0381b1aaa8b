"""The files of one prediction, under names that are safe whatever the sentence and the image are called."""

import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.images.picture import Picture, Place
from bench.inference.asked import Outlines, VectorFormat
from bench.inference.overlay import overlay
from bench.inference.parts import Parts, find_parts
from bench.inference.predictor import Prediction
from bench.storage import files

LONGEST = 60  # characters of a name


def slug(words: str, otherwise: str) -> str:
    """Lower-case ASCII letters, digits and single hyphens; `otherwise` where nothing of that is left."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST].strip("-") or otherwise


def distinct(words: Iterable[str], otherwise: str) -> list[str]:
    """A slug for each, no two alike."""
    taken: dict[str, None] = {}
    for each in words:
        base = name = slug(each, otherwise)
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken[name] = None
    return list(taken)


def write_prediction(
    stem: Path,
    picture: Picture,
    text: str,
    found: Prediction,
    asked: Outlines | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Writes every file of one prediction that is held in memory.

    Args:
        stem: Folder and beginning of the names.
        picture: The image.
        text: The sentence.
        found: Its mask and probabilities.
        asked: How outlines are written.
        notes: What is to be said beside the picture's own notes.

    Returns:
        What `predictions.json` says of it: image, text, pixels, probability (mean inside the mask), files, notes.
    """
    said = [*picture.notes, *notes]
    if not picture.valid.any():
        said.append("holds no data at all: the mask is empty")
    written = {
        "mask": Path(f"{stem}.mask.png"),
        "overlay": Path(f"{stem}.overlay.png"),
        "probability": Path(f"{stem}.probability.npy"),
    }
    write_png(written["mask"], Image.fromarray(255 * found.mask.astype(np.uint8)))
    write_png(written["overlay"], overlay(picture.pixels, picture.valid, found.mask, text))
    buffer = io.BytesIO()
    np.save(buffer, found.probability)
    files.write_bytes(written["probability"], buffer.getvalue())
    if picture.place is not None:
        from bench.inference.geo import write_mask

        written["geotiff"] = Path(f"{stem}.mask.tif")
        write_mask(written["geotiff"], found.mask, picture.place)
        parts = find_parts(found.mask, found.probability)
        (labels,) = parts.labels([found.mask])
        more, lost = write_outlines(stem, labels, found.mask, parts, picture.place, text, asked or Outlines())
        written |= more
        said += lost
    probability = round(float(found.probability[found.mask].mean()), 4) if found.mask.any() else None
    return record(picture.path, text, int(found.mask.sum()), probability, written, said)


def write_outlines(
    stem: Path, labels: Any, mask: Any, parts: Parts, place: Place, text: str, asked: Outlines
) -> tuple[dict[str, Path], list[str]]:
    """Writes the outlines of a mask that lies on a map.

    Args:
        stem: Folder and beginning of the name.
        labels: As `outlines.outlines`.
        mask: As `outlines.outlines`.
        parts: As `outlines.outlines`.
        place: Where the mask lies.
        text: The sentence.
        asked: How they are written.

    Returns:
        The file by its kind, and notes; no file where the place is not known on Earth.
    """
    from bench.inference.geopackage import write_geopackage
    from bench.inference.outlines import geojson, outlines

    if place.crs is None:
        return {}, []
    found = outlines(labels, mask, parts, place, text, asked.simplify)
    if found is None:
        return {}, ["its coordinates have no longitude and latitude: no outlines are written"]
    file = Path(f"{stem}.{asked.format}")
    if asked.format is VectorFormat.gpkg:
        write_geopackage(file, found, place.crs)
    else:
        files.write_text(file, geojson(found))
    return {str(asked.format): file}, []


def record(
    image: Path,
    text: str,
    pixels: int,
    probability: float | None,
    written: dict[str, Path],
    notes: Sequence[str],
) -> dict[str, Any]:
    """What `predictions.json` says of a prediction."""
    return {
        "image": printable(image),
        "text": text,
        "pixels": pixels,
        "probability": probability,
        "files": {kind: str(file) for kind, file in written.items()},
        "notes": list(notes),
    }


def printable(path: Path) -> str:
    """A path that can be printed and encoded, whatever bytes are in it."""
    text = str(path).encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def write_png(file: Path, picture: Image.Image) -> None:
    """Writes a picture as a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=2)  # a third of the time
    files.write_bytes(file, buffer.getvalue())
