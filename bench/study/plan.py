"""A study's cells: row x data set x seed. Pure decisions: no disk but `Plan.write`, no torch."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from bench.config.compose import plain
from bench.config.identity import cell_id, identity
from bench.config.schema import Config
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.definition import Study


@dataclass(frozen=True)
class PlannedCell:
    """The unit that is trained once, stored, resumed, and skipped when done."""

    id: str
    row: str
    dataset: str
    seed: int
    identity: dict[str, Any]
    config: Config


@dataclass(frozen=True)
class Plan:
    """Cells that can be started: every value, file and sample they need was looked at.

    Attributes:
        config: What was asked for, before any row changes it.
        study: Its rows.
        cells: Row by row within each data set and seed; a cell that serves two rows stands there twice.
        store: Where they are kept.
        samples: References of each split, by cell id.
    """

    config: Config
    study: Study
    cells: list[PlannedCell]
    store: Store
    samples: dict[str, dict[str, int]]

    def stored(self) -> list[Cell]:
        """The cells' folders, each once, in plan order."""
        return [self.store.cell(cell_id) for cell_id in dict.fromkeys(cell.id for cell in self.cells)]

    def missing(self) -> list[Cell]:
        """Cells that are not done."""
        return [cell for cell in self.stored() if not cell.done]

    def unlike(self) -> dict[str, list[str]]:
        """Ids of done cells by the precision they were computed in, where it is not the one asked for."""
        found: dict[str, list[str]] = {}
        for cell in {cell.id: cell for cell in self.cells}.values():
            stored = self.store.cell(cell.id)
            if stored.done and (precision := stored.precision()) != cell.config.recipe.precision:
                found.setdefault(precision, []).append(cell.id)
        return found

    def write(self, command: str) -> None:
        """Makes the study and its cells known to the store.

        Args:
            command: What goes on with the study when it is typed again.
        """
        values = {id(cell.config): cell.config for cell in self.cells}
        stored = {key: plain(config) for key, config in values.items()}
        for cell in self.cells:
            self.store.plan(cell.id, cell.identity, stored[id(cell.config)])
        self.store.write_study(study_record(self.study, self.cells, command))


def plan_cells(
    study: Study,
    configs: dict[tuple[str, str], Config],
    seeds: list[int],
    fingerprint: Callable[[Config], str],
    weights: Callable[[str | None], str],
    encoder_weights: Callable[[str], str] | None = None,
    also: Callable[[Config], Mapping[str, str]] = lambda config: {},
) -> list[PlannedCell]:
    """All cells of a study, row by row within each data set and seed, so that whole tables appear seed by seed.

    Args:
        study: The parsed study.
        configs: (row key, data set) to the row's composed configuration, every row on every data set.
        seeds: Seeds every row is trained with.
        fingerprint: From a configuration to its data set's content fingerprint.
        weights: See `identity`.
        encoder_weights: See `identity`.
        also: From a configuration to the content of the sets that are scored besides, by name.
    """
    cells = []
    datasets = list(dict.fromkeys(dataset for _, dataset in configs))
    of_first = {
        key: identity(config, seeds[0], fingerprint(config), weights, encoder_weights, also(config))
        for key, config in configs.items()
    }
    for seed, dataset in product(seeds, datasets):
        for row in study.rows:
            config = configs[row.key, dataset]
            if config.weights is not None and seed != seeds[0]:
                continue  # nothing is trained, so another seed would be the same cell
            known = of_first[row.key, dataset]
            if "seed" in known:
                known = known | {"seed": seed}
            cells.append(PlannedCell(cell_id(known), row.key, config.data.name, seed, known, config))
    return cells


def study_record(study: Study, cells: list[PlannedCell], command: str) -> dict[str, Any]:
    """The plan as stored in `studies/<name>.json`."""
    first = cells[0].config
    return {
        "name": study.name,
        "title": study.title,
        "caption": study.caption,
        "marks": list(study.marks),
        "reference": study.reference,
        "expect": list(study.expect),
        "splits": list(study.splits),
        "published": list(study.published),
        "also": _also(cells),
        "datasets": list(dict.fromkeys(cell.dataset for cell in cells)),
        "seeds": list(dict.fromkeys(cell.seed for cell in cells)),
        "protocol": {key: value for key, value in asdict(first.protocol).items() if key != "also"}
        | {"max_tokens": first.data.max_tokens, "pixels": first.recipe.size},
        "command": command,
        "rows": [
            {
                "key": row.key,
                "label": row.label,
                **({"short": row.short} if row.short else {}),
                "marks": list(row.marks),
                "cells": [
                    {"dataset": cell.dataset, "seed": cell.seed, "id": cell.id}
                    for cell in cells
                    if cell.row == row.key
                ],
            }
            for row in study.rows
        ],
    }


def _also(cells: list[PlannedCell]) -> dict[str, list[str]]:
    """Data set to the names of those that cells trained on it are scored on besides; only where there are some."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        known = found.setdefault(cell.dataset, [])
        known += [each["name"] for each in cell.config.protocol.also if each["name"] not in known]
    return {dataset: names for dataset, names in found.items() if names}
