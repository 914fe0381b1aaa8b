"""What a cell will do for hours, done once in a minute or two: what would fail then fails now.

Two optimiser steps at the real size and batch, with a stop, a checkpoint and a resume between them; a few expressions
of every split scored; FIAM's maps read; every record written and read back. All in the folder of a scratch cell.
"""

import resource
import sys
from functools import partial

import torch

from bench.config.compose import restore
from bench.config.further import further_data
from bench.config.schema import Config
from bench.data.reference import SCORED, SPLITS
from bench.storage.attention_maps import FILE, read_maps
from bench.storage.cell import Cell
from bench.storage.files import folder_size
from bench.storage.rehearsals import Rehearsed, write_rehearsed
from bench.storage.splits import further_split
from bench.training.cell import run_cell

SCORES = 8  # expressions of every split


def rehearse_cell(cell: Cell, checkpoint_seconds: float = 60.0) -> Rehearsed:
    """Rehearses a scratch cell and keeps what was found as `rehearsal.json` in its folder.

    Args:
        cell: Planned with `scratch_config`, and with the identity of the real cell.
        checkpoint_seconds: As for the real cell.
    """
    config = restore(cell.config())
    few = dict.fromkeys(SPLITS, SCORES) | {"train": config.recipe.batch_size}
    run = partial(run_cell, cell, checkpoint_seconds, most=few)
    found = Rehearsed(images_a_step=config.recipe.batch_size)
    if not config.weights:
        run(stop=lambda history: True)
        found.state_bytes = folder_size(cell.checkpoints)
    if cell.state()["state"] != "failed":
        run()
    found.problems = list(_problems(cell, config))
    _measure(cell, found)
    write_rehearsed(cell, found)
    return found


def _problems(cell: Cell, config: Config) -> list[str]:
    """What failed, or is not what the cell was planned as."""
    state = cell.state()
    if state["state"] != "done":
        return [str(state.get("cause") or f"it ended as {state['state']}")]
    problems = [str(warning) for warning in state.get("warnings", [])]
    known = cell.environment().get("precision")
    if known != config.recipe.precision:
        problems.append(f"it ran in {known}, recipe.precision is {config.recipe.precision}")
    if len(cell.history()) != config.recipe.epochs:
        problems.append(f"its history has {len(cell.history())} epochs of {config.recipe.epochs}")
    samples = cell.samples()
    further = {further_split(data.name) for data in further_data(config)}
    if samples is None or set(samples["split"]) != {*SCORED, *further}:
        problems.append("its scored expressions cannot be read back")
    if (cell.path / FILE).exists() and read_maps(cell) is None:
        problems.append("its maps cannot be read back")
    return problems


def _measure(cell: Cell, found: Rehearsed) -> None:
    history = cell.history()
    if history:
        found.seconds_a_step = history[-1]["stepping"]
    found.precision = str(cell.environment().get("precision", ""))
    if torch.cuda.is_available():
        found.device = torch.cuda.get_device_name()
        found.peak_bytes = torch.cuda.max_memory_allocated()
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        found.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
