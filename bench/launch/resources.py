"""What a job asks for where `launcher.memory` and `launcher.time` leave it open: by each row's model."""

import dataclasses
import json
import math
from dataclasses import dataclass

from bench.config.schema import Config
from bench.launch.slurm_time import Limits
from bench.storage.rehearsals import CPU, Rehearsal, read_rehearsal
from bench.storage.speeds import Speeds
from bench.study.plan import Plan

GIB = 2**30
PROCESS = 1.5 * GIB  # Python, torch, transformers, the data set's index and sentences
CUDA = 3 * GIB  # the driver's and cuDNN's share of the host's memory
LOADER = 0.5 * GIB  # a loading process with its decoded images
STATE = 16  # bytes a trained weight: itself, its gradient, AdamW's two moments
SPARE = 1.5  # of what is counted
ROOM = 1.25  # of what was measured


@dataclass(frozen=True)
class Completed:
    """A plan whose every cell says what its job asks for, and what is worth saying about it."""

    plan: Plan
    notes: list[str]


def complete(plan: Plan) -> Completed:
    """Gives every planned cell the memory and time that its configuration leaves open.

    A cell that was submitted before asks for the same again: measured speeds change while a study runs, and what a job
    asks for tells whether it is a new try (`slurm_outcome.given_up`).

    Raises:
        UserError: A model that cannot be built as configured, or a time that the partition does not allow.
    """
    memories: dict[str, str] = {}
    configs: dict[tuple[int, str, str], Config] = {}  # cells that ask for the same go on sharing one
    at_limit: dict[tuple[str | None, str], dict[str, float]] = {}
    speeds, limits, cells = Speeds(plan.store), Limits(), []
    missing = {cell.id for cell in plan.missing()}
    for planned in plan.cells:
        config, launcher = planned.config, planned.config.launcher
        memory, time = launcher.memory, launcher.time
        before = {"nodes": 1} | plan.store.cell(planned.id).job().get("ask", {})
        if all(
            before.get(name) == getattr(launcher, name) for name in ("nodes", "processes", "gpus", "cpus")
        ):
            memory = memory or before["memory"]
        else:
            before = {}
        if memory is None:
            parts = (config.recipe.batch_size, config.recipe.accumulate, launcher.nodes, launcher.processes)
            key = json.dumps([dataclasses.asdict(config.model), config.recipe.size, parts], sort_keys=True)
            if key not in memories:
                memories[key] = memory_request(config, read_rehearsal(plan.store, config))
            memory = memories[key]
        seconds = speeds.seconds(config, plan.samples[planned.id])
        if time is not None:
            limits.check(time, launcher.partition)
        elif before:
            time = limits.within(int(before["time"]), launcher.partition)
        else:
            time = limits.request(seconds, launcher.partition)
        if launcher.time is None and planned.id in missing:
            at_limit.setdefault((launcher.partition, time), {})[planned.id] = seconds
        made = (id(config), memory, time)
        if made not in configs:
            asked = dataclasses.replace(launcher, memory=memory, time=time)
            configs[made] = dataclasses.replace(config, launcher=asked)
        cells.append(dataclasses.replace(planned, config=configs[made]))
    notes = []
    for (partition, time), expected in at_limit.items():
        if said := limits.note(time, expected.values(), partition):
            notes.append(f"{len(expected)} cells: {said}.")
    return Completed(dataclasses.replace(plan, cells=cells), notes)


def memory_request(config: Config, rehearsal: Rehearsal | None = None) -> str:
    """Memory to ask for; few different amounts, because requests that are equal share a job array."""
    gib = (_rehearsed(config, rehearsal) or memory(config)) / GIB
    step = 2 if gib <= 16 else 8
    return f"{math.ceil(gib / step) * step}G"


def _rehearsed(config: Config, rehearsal: Rehearsal | None) -> int | None:
    """Bytes by what a process took in a rehearsal; of a GPU's rehearsal the node's memory is not known."""
    if rehearsal is None or rehearsal.device != CPU:
        return None
    return int(config.launcher.processes * (ROOM * rehearsal.peak_bytes + config.data.workers * LOADER))


def memory(config: Config) -> int:
    """Bytes of a node's memory that the processes there of one cell need together.

    On a GPU the training state and what the backward pass keeps lie in the GPU's memory; a copy of the state passes
    through the node's when it is saved.
    """
    from bench.profiling.memory import kept_for_backward, weightless, weights

    launcher, gpu, model = config.launcher, config.launcher.gpus > 0, weightless(config)
    total, trained = weights(model)
    each = PROCESS + config.data.workers * LOADER + STATE * trained + 4 * total
    each += CUDA if gpu else SPARE * kept_for_backward(model, config)
    return int(launcher.processes * each)
