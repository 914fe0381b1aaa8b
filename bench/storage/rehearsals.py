"""What a rehearsal measured of a model: STORE/rehearsals/<model>-<cpu|gpu>.json. Imports no torch.

A rehearsal is a few training steps of one process. Its numbers belong to an architecture, an image size and a batch,
and are part of no cell's identity.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.config.identity import canonical
from bench.config.machine import on_gpu
from bench.config.schema import Config
from bench.storage import files
from bench.storage.model_costs import architecture
from bench.storage.store import Store

CPU = "cpu"


@dataclass(frozen=True)
class Rehearsal:
    """What some training steps of one process took."""

    seconds_a_step: float
    images_a_step: int
    peak_bytes: int  # of the GPU's memory, on a CPU of the process
    device: str  # `cpu`, or the GPU's name


def write_rehearsal(store: Store, config: Config, rehearsal: Rehearsal) -> None:
    """Keeps what was measured; an earlier rehearsal of the model on this kind of device is replaced."""
    files.write_json(_path(store, config, gpu=rehearsal.device != CPU), asdict(rehearsal))


def read_rehearsal(store: Store, config: Config) -> Rehearsal | None:
    """What was measured of this model on the kind of device that the configuration asks for; None if nothing was."""
    if config.weights is not None:
        return None
    found = files.read_json(_path(store, config, gpu=on_gpu(config.launcher)))
    try:
        return Rehearsal(**found) if found else None
    except TypeError:  # another version wrote it
        return None


def _path(store: Store, config: Config, gpu: bool) -> Path:
    recipe = config.recipe
    wanted = architecture(config) | {"batch_size": recipe.batch_size, "accumulate": recipe.accumulate}
    digest = hashlib.sha256(canonical(wanted).encode()).hexdigest()[:12]
    return store.root / "rehearsals" / f"{digest}-{'gpu' if gpu else CPU}.json"
