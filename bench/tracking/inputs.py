"""Which data sets a cell read, as MLflow's inputs: one a split, by name and our fingerprint. Imports no MLflow."""

import json
from dataclasses import dataclass
from typing import Any

from bench.storage.cell import Cell, Record
from bench.storage.splits import further_set
from bench.tracking.client import masked

CONTEXT = "mlflow.data.context"  # tag of an input
SOURCE_TYPE = "local"
LONGEST = 36  # characters of a digest


@dataclass(frozen=True)
class Input:
    """A split as it was read.

    Attributes:
        name: Data set and split, with the part that was used: MLflow takes two with one name and digest for one.
        digest: The data set's fingerprint.
        context: What it was for: `train`, `val` or `test`.
        source: Where it lay: JSON.
        profile: How many expressions it has: JSON.
    """

    name: str
    digest: str
    context: str
    source: str
    profile: str


def inputs(cell: Cell) -> list[Input]:
    """What a finished cell read: the splits of its data set, and the test splits of further ones."""
    identity, config, metrics = cell.description().get("identity", {}), cell.config(), cell.metrics() or {}
    counts, data = metrics.get("counts", {}), config.get("data", {})
    found = []
    for split, count in counts.items():
        further = further_set(split)
        if split == "shuffled" or (split == "train" and config.get("weights")):
            continue  # the test split with other sentences; nothing was trained
        digest = (
            identity.get("also", {}).get(further) if further else identity.get("data", {}).get("fingerprint")
        )
        name = split if further else f"{data.get('name')}/{split}"
        source = {"uri": masked(str(data.get("root")))} if not further else {}
        found.append(
            Input(
                name=name + (_part(data) if split == "train" else ""),
                digest=str(digest)[:LONGEST],
                context="test" if further else split,
                source=json.dumps(source),
                profile=json.dumps({"num_rows": count}),
            )
        )
    return found


def _part(data: Record) -> str:
    """How much of the training split is used, where it is not all of it."""
    asked: list[Any] = []
    if data.get("limit") is not None:
        asked.append(f"{data['limit']} images")
    if data.get("fraction", 1) not in (None, 1):
        asked.append(f"{100 * float(data['fraction']):g} %")
    return "".join(f", {each}" for each in asked)
