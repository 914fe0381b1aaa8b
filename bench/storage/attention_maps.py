"""What FIAM's phrases do at every stage of a cell, as a file of the store. Imports no torch."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np

from bench.storage import files
from bench.storage.cell import Cell

FILE = "figures/attention.npz"  # in the cell's folder
KINDS = ("context", "object", "position")
EXAMPLES = 3  # as many as fit a page
OBJECT, POSITION = 1, 2  # bits


@dataclass(frozen=True)
class Maps:
    """What a model's FIAM does with E expressions of the test split.

    Args:
        ref_ids: (E,) the expressions.
        ranks: (E,) their places by IoU, from 1, among the test expressions that were ranked.
        ranked: How many those are: all that have object and position words, but for the next.
        silent: How many were left out because their object is one word piece, for which FIAM has no response.
        words: (E,L) uint8: is a character of the sentence part of the object (1), of the position (2)?
        stages: One (E,H,W) float32 a stage, by kind. `context`: share of the attention that goes to the object words,
            0..1; `object`: length of the gated response to the object words; `position`: the gate of the position
            words, 0..1. A kind the model does without is absent.
    """

    ref_ids: np.ndarray
    ranks: np.ndarray
    ranked: int
    silent: int
    words: np.ndarray
    stages: Mapping[str, list[np.ndarray]]


def write_maps(cell: Cell, maps: Maps) -> None:
    """Writes the maps atomically; the same maps give the same bytes."""
    arrays: dict[str, Any] = {
        f"{kind}_{stage}": values
        for kind, found in maps.stages.items()
        for stage, values in enumerate(found, start=1)
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        ref_ids=maps.ref_ids,
        ranks=maps.ranks,
        ranked=maps.ranked,
        silent=maps.silent,
        words=maps.words,
        **arrays,
    )
    files.write_bytes(cell.path / FILE, buffer.getvalue())


def read_maps(cell: Cell) -> Maps | None:
    """The maps a cell keeps; None where it has none, or the file is damaged."""
    try:
        with np.load(cell.path / FILE, allow_pickle=False) as stored:
            stages = {
                kind: [stored[name] for name in sorted(stored.files) if name.startswith(f"{kind}_")]
                for kind in KINDS
            }
            return Maps(
                stored["ref_ids"],
                stored["ranks"],
                int(stored["ranked"]),
                int(stored["silent"]),
                stored["words"],
                {kind: found for kind, found in stages.items() if found},
            )
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
