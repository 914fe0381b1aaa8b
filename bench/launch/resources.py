"""What a job asks for where `launcher.memory` and `launcher.time` leave it open: by each row's model."""

import dataclasses
import json
import math

from bench.config.schema import Config
from bench.storage.speeds import Speeds
from bench.study.plan import Plan

GIB = 2**30
PROCESS = 1.5 * GIB  # Python, torch, transformers, the data set's index and sentences
CUDA = 3 * GIB  # the driver's and cuDNN's share of the host's memory
LOADER = 0.5 * GIB  # a loading process with its decoded images
STATE = 16  # bytes a trained weight: itself, its gradient, AdamW's two moments
SPARE = 1.5  # of what is counted
PATIENCE = 2.0  # of the expected time, beside a quarter of an hour; a limit that comes early costs a requeue, no work
STEP_MINUTES = 30


def complete(plan: Plan) -> None:
    """Writes memory and time into every planned cell that leaves them open.

    A cell that was submitted before asks for the same again: measured speeds change while a study runs, and what a job
    asks for tells whether it is a new try (`slurm_outcome.given_up`).

    Raises:
        UserError: A model that cannot be built as configured.
    """
    asked: dict[str, str] = {}
    speeds = Speeds(plan.store)
    for planned in plan.cells:
        launcher, config = planned.config.launcher, planned.config
        before = plan.store.cell(planned.id).job().get("ask", {})
        if all(before.get(name) == getattr(launcher, name) for name in ("processes", "gpus", "cpus")):
            launcher.memory = launcher.memory or before["memory"]
            launcher.time = launcher.time or str(before["time"])
        if launcher.memory is None:
            parts = (config.recipe.batch_size, config.recipe.accumulate, launcher.processes)
            key = json.dumps([dataclasses.asdict(config.model), config.recipe.size, parts], sort_keys=True)
            if key not in asked:
                asked[key] = memory_request(config)
            launcher.memory = asked[key]
        if launcher.time is None:
            epochs = 0 if config.weights else config.recipe.epochs
            images = epochs * plan.training_samples[planned.id]
            launcher.time = time_request(images / speeds.of(config).images_per_second)


def time_request(seconds: float) -> str:
    """Minutes to ask for, where so many seconds are expected."""
    return str(math.ceil((PATIENCE * seconds / 60 + 15) / STEP_MINUTES) * STEP_MINUTES)


def memory_request(config: Config) -> str:
    """Memory to ask for; few different amounts, because requests that are equal share a job array."""
    gib = memory(config) / GIB
    step = 2 if gib <= 16 else 8
    return f"{math.ceil(gib / step) * step}G"


def memory(config: Config) -> int:
    """Bytes of the node's memory that the processes of one cell need together.

    On a GPU the training state and what the backward pass keeps lie in the GPU's memory; a copy of the state passes
    through the node's when it is saved.
    """
    from bench.profiling.memory import kept_for_backward, weightless, weights

    launcher, gpu, model = config.launcher, config.launcher.gpus > 0, weightless(config)
    total, trained = weights(model)
    each = PROCESS + config.data.workers * LOADER + STATE * trained + 4 * total
    each += CUDA if gpu else SPARE * kept_for_backward(model, config)
    return int(launcher.processes * each)
