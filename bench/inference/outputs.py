"""The files of one prediction, under names that are safe whatever the sentence and the image are called."""

import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from bench.images.picture import Picture
from bench.inference.predictor import Prediction
from bench.storage import files

TINT = np.array((255, 40, 90), np.float32)
LINE = (255, 255, 255)
HATCH = (205, 165)  # greys of the stripes where there are no data
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


def write_prediction(stem: Path, picture: Picture, text: str, found: Prediction) -> dict[str, Any]:
    """Writes every file of one prediction.

    Args:
        stem: Folder and beginning of the names.
        picture: The image.
        text: The sentence.
        found: Its mask and probabilities.

    Returns:
        What `predictions.json` says of it: image, text, pixels, probability (mean inside the mask), files, notes.
    """
    notes = list(picture.notes)
    if not picture.valid.any():
        notes.append("holds no data at all: the mask is empty")
    mask = Path(f"{stem}.mask.png")
    overlay = Path(f"{stem}.overlay.png")
    probability = Path(f"{stem}.probability.npy")
    written = {"mask": mask, "overlay": overlay, "probability": probability}
    files.write_bytes(mask, _png(255 * found.mask.astype(np.uint8)))
    files.write_bytes(overlay, _png(overlaid(picture, found.mask)))
    buffer = io.BytesIO()
    np.save(buffer, found.probability)
    files.write_bytes(probability, buffer.getvalue())
    if picture.place is not None:
        from bench.inference.geo import polygons, write_geojson, write_mask

        written["geotiff"] = Path(f"{stem}.mask.tif")
        write_mask(written["geotiff"], found.mask, picture.place)
        if picture.place.crs is not None:
            collection = polygons(found.mask, found.probability, picture.place, text)
            if collection is None:
                notes.append("its coordinates have no longitude and latitude: no GeoJSON is written")
            else:
                written["geojson"] = Path(f"{stem}.geojson")
                write_geojson(written["geojson"], collection)
    return {
        "image": printable(picture.path),
        "text": text,
        "pixels": int(found.mask.sum()),
        "probability": round(float(found.probability[found.mask].mean()), 4) if found.mask.any() else None,
        "files": {kind: str(file) for kind, file in written.items()},
        "notes": notes,
    }


def overlaid(picture: Picture, mask: np.ndarray) -> np.ndarray:
    """The picture (H,W,3) uint8 with the mask tinted and outlined; grey stripes where there are no data."""
    height, width = mask.shape
    shown = picture.pixels.copy()
    shown[mask] = (0.5 * shown[mask] + 0.5 * TINT).astype(np.uint8)
    thick = max(1, round(max(height, width) / 500))
    shown[mask & ~ndimage.binary_erosion(mask, iterations=thick, border_value=1)] = LINE
    rows, columns = np.nonzero(~picture.valid)
    stripes = (rows + columns) // (6 * thick) % 2
    shown[rows, columns] = np.array(HATCH, np.uint8)[stripes][:, None]
    return shown


def printable(path: Path) -> str:
    """A path that can be printed and encoded, whatever bytes are in it."""
    text = str(path).encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=2)  # a third of the time
    return buffer.getvalue()
