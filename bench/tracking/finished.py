"""Everything that the run of a finished cell says, whichever way it is written. Plain values; imports no MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.storage.cell import Cell
from bench.storage.previews import read_previews
from bench.tracking import notes
from bench.tracking.content import Metric, Place, all_metrics, final_tags, own_parameters
from bench.tracking.images import LOGGED
from bench.tracking.inputs import Input, inputs


@dataclass(frozen=True)
class Finished:
    """What a run says beside its place."""

    tags: dict[str, str]
    parameters: dict[str, str]
    metrics: list[Metric]
    inputs: list[Input]


def finished(place: Place, cell: Cell, common: Mapping[str, str], told: set[int] | None = None) -> Finished:
    """Of one cell in one study, without what all its cells share and without the epochs that were told already."""
    note = notes.cell(cell, place, place.tags["study"])
    tags = final_tags(cell, common) | {"mlflow.note.content": note} | (LOGGED if read_previews(cell) else {})
    return Finished(tags, own_parameters(cell, common), all_metrics(cell, told), inputs(cell))
