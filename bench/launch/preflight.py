"""What is checked before anything starts, so that nothing waits or trains hours to find it out.

Keys, values, the data audit and the content of pretrained weights are looked at when a study is planned. Here the disk
is measured, and before jobs are submitted every model is built without memory for its numbers.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from bench.config.choices import EncoderKind, LauncherKind
from bench.config.schema import Config
from bench.launch.devices import cells_at_once
from bench.storage.cell import Cell
from bench.storage.files import folder_size, size
from bench.study.plan import Plan
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError

COPIES = 3  # of the training state, and of the best weights: two are kept while one is written
BYTES = 4  # float32
AMPLE = 4  # what encoders weigh, times this, is more than any of our models weighs
WORDS = 30522  # of BERT's vocabulary, the largest in use


@dataclass(frozen=True)
class Need:
    """What cells need on disk, in bytes."""

    running: int  # beside what they leave, while as many as may train at once
    finished: int  # their best weights, all that is left of them but a few numbers

    @property
    def total(self) -> int:
        """What the disk must hold before the last cell ends."""
        return self.running + self.finished


def check(plan: Plan, missing: list[Cell]) -> Need:
    """Compares the disk with what the cells will write, and builds every model that jobs are submitted for.

    Where cells train on this machine, models are only built (which loads torch) if the disk may be too small.

    Raises:
        UserError: A model that no job could build, a store that cannot be written, or a disk that is too small.
    """
    store, launcher = plan.store.root, plan.config.launcher
    existing = next(folder for folder in (store, *store.resolve().parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        raise UserError(
            f"store={store}: {existing} cannot be written.", "Pass store=DIR on a disk that all nodes see."
        )
    slurm = launcher.name == LauncherKind.slurm
    free = shutil.disk_usage(existing).free + sum(folder_size(cell.checkpoints) for cell in missing)
    if not slurm and (ample := _ample(plan, missing)) and ample.total <= free:
        return ample
    need = disk(plan, missing)
    if need.total > free:
        free_some = command_line("bench.gc", *plan.store.words)
        fewer = "launcher.max_parallel" if slurm else "launcher.workers"
        raise UserError(
            f"store={store}: {size(need.total)} are needed, {size(free)} are free or theirs already.",
            f"Free some with `{free_some}`, pass store=DIR on another disk, or lower {fewer}.",
        )
    return need


def disk(plan: Plan, missing: list[Cell]) -> Need:
    """What the cells will write, from the number of weights of each model.

    Raises:
        UserError: A model that cannot be built as configured; on this machine its cell fails alone and says why,
            unless none can. Builders of other packages run in the cell alone.
    """
    from bench.profiling.memory import weightless, weights

    counted: dict[str, tuple[int, int]] = {}
    sizes = []
    failed: UserError | None = None
    for config in _configs(plan, missing):
        key = json.dumps([dataclasses.asdict(config.model), config.recipe.size], sort_keys=True)
        if key not in counted:
            try:
                counted[key] = weights(weightless(config))
            except UserError as error:
                if config.launcher.name == LauncherKind.slurm:
                    raise
                failed, counted[key] = error, (0, 0)
        sizes.append(counted[key])
    if failed and not any(map(any, sizes)) and not any(each.model.plugin for each in _configs(plan, missing)):
        raise failed
    return _need(sizes, cells_at_once(plan.config.launcher, len(plan.stored())))


def _ample(plan: Plan, missing: list[Cell]) -> Need | None:
    """More than the cells will write, without building a model; None where that cannot be told."""
    configs = _configs(plan, missing)
    if any(config.model.plugin or config.model.encoder.kind != EncoderKind.swin for config in configs):
        return None
    sizes = [(AMPLE * _encoders(config), AMPLE * _encoders(config)) for config in configs]
    return _need(sizes, cells_at_once(plan.config.launcher, len(plan.stored())))


def _encoders(config: Config) -> int:
    """About how many weights the two encoders have; what joins and decodes them is as wide, and smaller."""
    image, text = config.model.encoder, config.model.text
    blocks = sum(depth * 12 * (image.embed_dim << stage) ** 2 for stage, depth in enumerate(image.depths))
    return blocks + text.layers * 12 * text.width**2 + WORDS * text.width


def _configs(plan: Plan, missing: list[Cell]) -> list[Config]:
    """Of cells that write weights: those that only score given ones do not."""
    wanted = {cell.id for cell in missing}
    configs = {cell.id: cell.config for cell in plan.cells if cell.id in wanted}
    return [config for config in configs.values() if not config.weights]


def _need(sizes: Iterable[tuple[int, int]], at_once: int) -> Need:
    """For cells of so many weights, all and trained; the largest ones may be those that train at once."""
    sizes = list(sizes)
    running = [
        COPIES * BYTES * (total + 2 * trained)
        + (COPIES - 1) * BYTES * total  # AdamW keeps two moments a weight
        for total, trained in sizes
    ]
    return Need(sum(sorted(running)[-at_once:]), sum(BYTES * total for total, _ in sizes))
