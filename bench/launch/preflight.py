"""What is checked on the login node before a job waits hours to find it out, and what a plan will need.

Keys, values, the data audit and the content of pretrained weights are looked at when a study is plan; here every
model is built without memory for its numbers, and the disk is measured.
"""

import dataclasses
import json
import os
import shutil
from dataclasses import dataclass

from bench.storage.files import size
from bench.storage.store import Cell
from bench.study.plan import Plan
from bench.terminal.errors import UserError

COPIES = 3  # of the training state, and of the best weights: two are kept while one is written
BYTES = 4  # float32


@dataclass(frozen=True)
class Need:
    """What cells need on disk, in bytes."""

    running: int  # while all of them train at once
    finished: int  # what they leave


def check(plan: Plan, missing: list[Cell]) -> Need:
    """Builds every model and compares the disk with what the cells will write.

    Raises:
        UserError: A model that cannot be built, a store that cannot be written, or a disk that is too small.
    """
    need = disk(plan, missing)
    root = plan.store.root
    existing = next(folder for folder in (root, *root.resolve().parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        raise UserError(
            f"store={root}: {existing} cannot be written.", "Pass store=DIR on a disk that all nodes see."
        )
    free = shutil.disk_usage(existing).free
    at_once = min(len(missing), plan.config.launcher.max_parallel)
    wanted = need.running * at_once // len(missing) + need.finished
    if wanted > free:
        raise UserError(
            f"store={root}: {size(wanted)} are needed, {size(free)} are free.",
            "Free some with `python -m bench.gc`, pass store=DIR on another disk, or lower launcher.max_parallel.",
        )
    return need


def disk(plan: Plan, missing: list[Cell]) -> Need:
    """What the cells will write, from the number of weights of each model.

    Raises:
        UserError: A model that cannot be built as configured.
    """
    from bench.profiling.memory import weightless, weights

    wanted = {cell.id for cell in missing}
    running = finished = 0
    counted: dict[str, tuple[int, int]] = {}
    for planned in {cell.id: cell for cell in plan.cells}.values():
        if planned.id not in wanted:
            continue
        recipe = planned.config.recipe
        key = json.dumps([dataclasses.asdict(planned.config.model), recipe.size], sort_keys=True)
        if key not in counted:
            counted[key] = weights(weightless(planned.config))
        total, trained = counted[key]
        state, best = BYTES * (total + 2 * trained), BYTES * total  # AdamW keeps two moments a weight
        running += COPIES * (state + best)
        finished += best
    return Need(running, finished)
