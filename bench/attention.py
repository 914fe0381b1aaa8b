"""`python -m bench.attention`: what FIAM's phrases do at every stage of a finished cell, kept for figures.

The numbers come from `bench.alignment`, which alone imports torch: reports read them from here.
"""

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np

from bench import files
from bench.arguments import parse
from bench.compose import restore
from bench.errors import UserError, command
from bench.store import Cell, Store

USAGE = """
Runs a finished cell's best model on a few test sentences and keeps, for every stage, what the context words, the object
words and the position words do (FIAM). Cells keep this for three sentences when they finish.

  python -m bench.attention cell=0123456789ab
  python -m bench.attention cell=0123456789ab examples=5

keys: cell=ID  store=runs
      examples=3   sentences, among those with position words and an object of several word pieces (to one of a single
                   piece FIAM has no response): the middle ones of so many equal parts by IoU
exit codes: 0 done, 2 the request is wrong
"""
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


def look_into(store: Store, cell_id: str, count: int) -> Maps:
    """The maps of a finished cell's best model, for `count` expressions of its test split.

    Raises:
        UserError: No such cell, not finished, no FIAM in it, or its data are gone, changed or have no such sentences.
    """
    from bench.alignment import fiams, look
    from bench.export import from_cell
    from bench.result import open_sets, read_vocabulary

    model, cell = from_cell(store, cell_id).model, store.cell(cell_id)
    config = restore(cell.config())
    if not fiams(model):
        raise UserError(
            f"cell={cell_id}: model.fusion={config.model.fusion} does not tell object and position words apart.",
            "Choose a cell with model.fusion=fiam or fiam_direct.",
        )
    tokenizer = read_vocabulary(config)
    dataset = open_sets(config, tokenizer).splits["test"]
    samples = cell.samples()
    tested = None if samples is None else samples[samples["split"] == "test"].reset_index(drop=True)
    known = [(each.ref_id, each.sentence) for each in dataset.references]
    if tested is None or known != list(zip(tested["ref_id"], tested["sentence"], strict=True)):
        raise UserError(
            f"data.root={config.data.root}: not the data set that cell {cell_id} was scored on.",
            "Put that one back.",
        )
    maps = look(model, dataset, tokenizer, tested, count)
    if maps is None:
        raise UserError(
            f"cell={cell_id}: no test sentence has both object and position words.",
            "There is nothing to compare.",
        )
    return maps


@dataclass
class Arguments:
    """Arguments of `python -m bench.attention`."""

    cell: str = ""
    store: str = "runs"
    examples: int = EXAMPLES


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    if not arguments.cell:
        raise UserError("cell= is missing.", "`python -m bench.status` lists the cells.")
    if arguments.examples < 1:
        raise UserError(f"examples={arguments.examples}: at least one is needed.", "Pass examples=3.")
    store = Store(arguments.store)
    maps = look_into(store, arguments.cell, arguments.examples)
    write_maps(store.cell(arguments.cell), maps)
    print(f"{store.cell(arguments.cell).path / FILE}: {len(maps.ref_ids)} sentences")
    for name in store.studies():
        if any(cell["id"] == arguments.cell for row in store.study(name)["rows"] for cell in row["cells"]):
            print(f"figure: python -m reports.build ablation={name} store={store.root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
