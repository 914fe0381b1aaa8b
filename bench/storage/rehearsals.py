"""What rehearsals found: of one scratch cell, and what was measured of a model. Imports no torch.

    STORE/rehearsals/<model>-<cpu|gpu>.json

A rehearsal is a few training steps. Its numbers belong to an architecture, an image size and a batch, and are part of
no cell's identity.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.config.identity import canonical
from bench.config.machine import on_gpu
from bench.config.schema import Config
from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.model_costs import architecture
from bench.storage.store import Store

CPU = "cpu"
RECORD = "rehearsal"  # .json, in the scratch cell's folder


@dataclass(frozen=True)
class Rehearsal:
    """What some training steps of one process took."""

    seconds_a_step: float
    images_a_step: int
    peak_bytes: int  # of the GPU's memory, on a CPU of the process
    device: str  # `cpu`, or the GPU's name
    code: str = ""  # digest of the training code that was rehearsed


@dataclass
class Rehearsed:
    """How a rehearsal went.

    Attributes:
        problems: What failed or is not as the cell was planned, one line each; empty: all passed.
        seconds_a_step: Of the second optimiser step, which started from the checkpoint of the first.
        images_a_step: Of one step, over all processes.
        peak_bytes: Of the GPU's memory, on a CPU of the process.
        state_bytes: A checkpoint with the best weights beside it.
        device: `cpu`, or the GPU's name.
        precision: What training ran in.
    """

    problems: list[str] = field(default_factory=list)
    seconds_a_step: float = 0.0
    images_a_step: int = 0
    peak_bytes: int = 0
    state_bytes: int = 0
    device: str = "cpu"
    precision: str = ""


def write_rehearsed(cell: Cell, found: Rehearsed) -> None:
    """Keeps how the rehearsal of a scratch cell went, in its folder."""
    cell.write(RECORD, asdict(found))


def read_rehearsed(cell: Cell) -> Rehearsed | None:
    """What `write_rehearsed` kept; None where the process ended before."""
    values = files.read_json(cell.path / f"{RECORD}.json")
    return Rehearsed(**values) if values else None


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
