"""Where the places of a sentence ("at the top") are looked for: in every window, or in the whole scene."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.images.scene import Scene
from bench.inference.asked import Position
from bench.inference.parts import Parts
from bench.sentences.places import Box, Placed, placed, there
from fianet.decouple import decouple

LEAST = 4
"""Side of the smallest square, in pixels as the model sees them, that counts as a thing a place can choose."""


@dataclass(frozen=True)
class Sentence:
    """A sentence about a scene that is read in windows.

    Args:
        text: The whole sentence.
        asked: What the model is asked in every window.
        place: What then chooses among the parts it finds; None: nothing.
        least: Pixels of the scene that a part needs to be chosen.
        note: What a reader of the result must know; empty: nothing.
    """

    text: str
    asked: str
    place: Placed | None = None
    least: float = 0.0
    note: str = ""

    def decide(self, parts: Parts, scene: Scene) -> tuple[Parts, list[str]]:
        """The parts that the sentence means, and notes."""
        notes = [self.note] if self.note else []
        if self.place is None:
            return parts, notes
        things = [number for number in range(len(parts)) if parts.pixels[number] >= self.least]
        boxes: list[Box] = [tuple(parts.boxes[number].tolist()) for number in things]
        kept = [things[number] for number in there(self.place, boxes, scene.width, scene.height)]
        said = f'"{self.place.said}" was looked for in the whole scene: kept {len(kept)} of the {len(parts)} parts'
        return parts.only(kept), [*notes, f'{said} found as "{self.asked}"']


def sentence_for(text: str, position: Position, side: int, size: int) -> Sentence:
    """A sentence as windows are asked for it.

    Args:
        text: The sentence.
        position: Where its places are looked for.
        side: Of the windows, in pixels of the scene.
        size: Of the same as the model sees them.
    """
    place = placed(text) if position is Position.scene else None
    if place is not None:
        return Sentence(text, place.rest, place, (LEAST * side / size) ** 2)
    words = [text[slice(*span)] for span in decouple(text).position]
    note = f"{_quoted(words)} was looked for inside each window of {side} pixels" if words else ""
    return Sentence(text, text, note=note)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{each}"' for each in words)
