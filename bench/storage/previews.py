"""What a model predicted for a few fixed expressions after every epoch, as small pictures in the cell. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage import files
from bench.storage.cell import Cell

FOLDER = "previews"  # in the cell's folder: sentences.json, and <epoch>-<place of the sentence>.webp


@dataclass(frozen=True)
class Preview:
    """One expression after one epoch.

    Attributes:
        place: Of the expression among the cell's fixed ones, from 0.
        sentence: The expression.
        epoch: From 0, as in `history.jsonl`.
        path: The picture: WebP.
    """

    place: int
    sentence: str
    epoch: int
    path: Path


def write_previews(cell: Cell, epoch: int, sentences: Sequence[str], pictures: Sequence[bytes]) -> None:
    """Keeps the pictures of an epoch, one a sentence; those of an epoch that is trained again are replaced."""
    folder = cell.path / FOLDER
    if files.read_json(folder / "sentences.json") != list(sentences):
        files.write_json(folder / "sentences.json", list(sentences))
    for place, picture in enumerate(pictures):
        files.write_bytes(folder / f"{epoch:04}-{place}.webp", picture)


def read_previews(cell: Cell) -> list[Preview]:
    """Every preview a cell has, by epoch and place; none where it was trained before there were any."""
    folder = cell.path / FOLDER
    sentences = files.read_json(folder / "sentences.json")
    if not isinstance(sentences, list):
        return []
    found = []
    for path in sorted(folder.glob("*-*.webp")):
        epoch, _, place = path.stem.partition("-")
        if epoch.isdecimal() and place.isdecimal() and int(place) < len(sentences):
            found.append(Preview(int(place), str(sentences[int(place)]), int(epoch), path))
    return found
