"""The notes below a table, and their letters."""

import string
from collections.abc import Sequence

from reports.tables.grid import Note
from reports.text.escape import plain


class Footnotes:
    """Gives every text one letter, in the order they are asked for."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def marker(self, *texts: str) -> str:
        """The letters of the texts that are not empty, joined by commas."""
        return ",".join(self.letters.setdefault(text, _letters(len(self.letters))) for text in texts if text)

    def notes(self) -> tuple[Note, ...]:
        """The notes below the table."""
        return tuple(Note(plain(text), letter) for text, letter in self.letters.items())


def _letters(place: int) -> str:
    letters = string.ascii_lowercase
    return letters[place % len(letters)] * (place // len(letters) + 1)


def general(texts: Sequence[str]) -> tuple[Note, ...]:
    """Notes without a marker."""
    return tuple(Note(plain(text)) for text in texts)
