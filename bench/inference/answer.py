"""What the demo shows of a sentence in a picture: the prediction as images, the words by what they are read as."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib import colormaps

from bench.data.explained import Explained, explain
from bench.images.picture import Picture
from bench.images.read import read_picture
from bench.inference.overlay import HATCH, overlaid
from bench.inference.predictor import Predictor
from bench.terminal.errors import UserError

OBJECT, POSITION, BOTH = "object", "position", "object and position"
COLOURS = "viridis"
Words = list[tuple[str, str | None]]


@dataclass(frozen=True)
class Answer:
    """One model's answer.

    Args:
        picture: (H,W,3) uint8, as the model was given it.
        overlay: (H,W,3) uint8, the same with the mask over it.
        probability: (H,W,3) uint8, probabilities 0..1 as colours; grey where there are no data.
        words: The sentence in pieces, each with what it is read as.
        said: A line each about the answer.
    """

    picture: np.ndarray
    overlay: np.ndarray
    probability: np.ndarray
    words: Words
    said: tuple[str, ...]


def answer(predictor: Predictor, image: Path, sentence: str) -> Answer:
    """Predicts one sentence in one image file.

    Raises:
        UserError: The sentence is empty or cannot be printed, or the image cannot be read.
    """
    if not sentence.strip() or not sentence.isprintable():
        raise UserError("This is no sentence.", "Type one, for example: the ship at the top")
    picture = read(predictor, image)
    (found,) = predictor([(picture, sentence)])
    read_as = explain(sentence, predictor.decouple, predictor.tokenizer, predictor.max_tokens)
    return Answer(
        picture.pixels,
        overlaid(picture.pixels, picture.valid, found.mask),
        coloured(found.probability),
        words(read_as, predictor.tokenizer.pieces(sentence)),
        (_found(found.mask, found.probability), *_remarks(predictor, picture, sentence), *read_as.why),
    )


def read(predictor: Predictor, image: Path) -> Picture:
    """An image file as a model reads it; errors name the file, not the folder it was uploaded to.

    Raises:
        UserError: It cannot be read.
    """
    try:
        return read_picture(image, predictor.bands, predictor.stretch)
    except UserError as error:
        raise UserError(error.what.replace(str(image), image.name), error.remedy) from None


def coloured(probability: np.ndarray) -> np.ndarray:
    """Probabilities (H,W), 0..1, as colours (H,W,3) uint8; NaN is grey."""
    shown = colormaps[COLOURS](np.nan_to_num(probability), bytes=True)[..., :3].copy()
    shown[np.isnan(probability)] = HATCH[0]
    return shown


def words(found: Explained, spans: Sequence[tuple[int, int]]) -> Words:
    """A sentence cut where it changes what its letters are read as.

    Args:
        found: The sentence and its rows.
        spans: Start and end of each word piece in the sentence, in order.

    Returns:
        Pieces that join to the sentence, with `OBJECT`, `POSITION`, `BOTH` or None. Where no words were found for one
        of them the whole sentence is read, and nothing is marked for it.
    """
    rows = {OBJECT: found.tokens.object_mask, POSITION: found.tokens.position_mask}
    marks: list[set[str]] = [set() for _ in found.sentence]
    for name, row in rows.items():
        if row[0]:  # [CLS] is in a mask only where the whole sentence stands in
            continue
        for (start, end), inside in zip(spans, row[1:], strict=False):
            for mark in marks[start:end] if inside else ():
                mark.add(name)
    for before, mark, after in zip(marks, marks[1:], marks[2:], strict=False):
        mark |= before & after  # the space between two words of one phrase
    labels = [BOTH if len(mark) > 1 else next(iter(mark), None) for mark in marks]
    letters = zip(found.sentence, labels, strict=True)
    return [
        ("".join(letter for letter, _ in run), label)
        for label, run in groupby(letters, key=lambda each: each[1])
    ]


def _found(mask: np.ndarray, probability: np.ndarray) -> str:
    if not mask.any():
        top = (
            f"; the highest probability is {np.nanmax(probability):.2f}"
            if np.isfinite(probability).any()
            else ""
        )
        return f"Nothing found{top}."
    return f"{mask.sum():,} pixels, {mask.mean():.1%} of the picture, mean probability {probability[mask].mean():.2f}."


def _remarks(predictor: Predictor, picture: Picture, sentence: str) -> list[str]:
    """What makes an answer worth less."""
    said = [f"The picture: {note}." for note in picture.notes]
    if unknown := predictor.unknown(sentence):
        said.append(f"The vocabulary does not know {', '.join(dict.fromkeys(unknown))}.")
    return said
