"""Where the cost of a model is kept: STORE/profiles/<architecture>/. Imports no torch.

    counts.json      parameters and operations, the same on every machine
    <machine>.json   latency, throughput and peak memory of one kind of machine

Cost does not depend on data, seed or recipe, so cells of one architecture share one folder, trained or not, and nothing
here is part of a cell's identity.
"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.config.compose import restore
from bench.config.identity import canonical, identity
from bench.config.schema import Config
from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.store import Store

Record = dict[str, Any]
COUNTS = "counts"


def architecture(config: Config) -> Record:
    """Everything of a configuration that can change what a forward pass costs.

    A pretrained text encoder counts by the last part of its name: a hub id and a copy of it on disk are one.
    """
    untrained = replace(config, weights=None)
    model = identity(untrained, 0, "", lambda pretrained: Path(pretrained or "").name)["model"]
    del model["encoder"]["pretrained"]  # other values, same sizes
    return {"model": model, "size": config.recipe.size, "max_tokens": config.data.max_tokens}


def profile_folder(store: Store, config: Config) -> Path:
    """Where the architecture's cost lies, whether or not it was measured."""
    digest = hashlib.sha256(canonical(architecture(config)).encode()).hexdigest()[:12]
    return store.root / "profiles" / digest


def read_profiles(store: Store, cell: Cell) -> Record:
    """What `bench.profile` measured of a cell's model.

    Returns:
        `counts`: parameters and operations (`bench.profiling.counts.count`), and `machines`: file name to latencies
        (`bench.profiling.latency.measure`), newest first. Empty where nothing was measured, and for cells that score
        imported weights, whose architecture lies in their file.
    """
    values = cell.config()
    if not values or values.get("weights") is not None:
        return {}
    return read_folder(profile_folder(store, restore(values)))


def read_folder(folder: Path) -> Record:
    """`read_profiles` of a known architecture."""
    counts = files.read_json(folder / f"{COUNTS}.json")
    if counts is None:
        return {}
    found = {path.stem: files.read_json(path) for path in folder.glob("*.json") if path.stem != COUNTS}
    machines = sorted(
        ((name, record) for name, record in found.items() if record),
        key=lambda item: item[1]["measured"],
        reverse=True,
    )
    return {"counts": counts, "machines": dict(machines)}


def write_counts(folder: Path, counts: Record) -> None:
    """Keeps `counts.json`."""
    files.write_json(folder / f"{COUNTS}.json", counts)


def write_machine(folder: Path, measured: Record) -> None:
    """Keeps `<machine>.json`; batch sizes measured there before with the same versions stay."""
    path = folder / f"{machine_name(measured)}.json"
    before = files.read_json(path)
    if before and before["environment"] == measured["environment"]:
        measured = measured | {"batches": before["batches"] | measured["batches"]}
    files.write_json(path, measured)


def machine_name(measured: Record) -> str:
    """Device, precision and CPU threads as a file name: nodes of one kind are one machine."""
    environment = measured["environment"]
    threads = "" if environment["device_type"] == "cuda" else f" {environment['threads']}t"
    words = f"{environment['device']} {environment['precision']}{threads}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
