"""From a study's description to its cells: pure decisions, no disk, no torch.

A *cell* is row x data set x seed. Its *identity* holds everything that can change its score and nothing else, and its
id is the first 12 hex digits of the identity's sha256, so that two studies that share a cell share its result.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

from bench.config.schema import Config, Fusion, Neck
from bench.storage.expectation import parse_expectation
from bench.terminal.arguments import nearest
from bench.terminal.errors import UserError
from reports import check_methods

VERSION = 1  # raised when a change of this code changes scores: every cell is then trained anew
SECTIONS = ("model", "recipe", "protocol", "data", "weights")  # what a row may change
ALIGNMENTS = (Fusion.fiam, Fusion.fiam_direct)
SPLITS = ("val", "test", "shuffled")
STUDY_KEYS = ("title", "caption", "datasets", "splits", "marks", "reference", "rows", "expect", "published")
ROW_KEYS = ("label", "marks", *SECTIONS)


@dataclass(frozen=True)
class Row:
    """One line of the table: its label, check marks and what it changes."""

    key: str
    label: str
    marks: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """What `ablation=NAME` names, as written in its YAML."""

    name: str
    title: str
    rows: tuple[Row, ...]
    caption: str = ""
    marks: tuple[str, ...] = ()
    reference: str | None = None
    expect: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()  # unless the command line names one
    splits: tuple[str, ...] = ("val", "test")  # the table's columns
    published: tuple[str, ...] = ()  # methods whose printed numbers the table shows beside ours


@dataclass(frozen=True)
class PlannedCell:
    """The unit that is trained once, stored, resumed, and skipped when done."""

    id: str
    row: str
    dataset: str
    seed: int
    identity: dict[str, Any]
    config: Config


def parse_study(name: str, spec: dict[str, Any], source: str) -> Study:
    """Checks a study as read from YAML.

    Args:
        name: What the store calls it.
        spec: The YAML's mapping.
        source: The file, for error messages.

    Raises:
        UserError: A wrong key, a mark or reference that does not exist, or no rows.
    """
    _known_keys(spec, STUDY_KEYS, source)
    marks = _strings(spec.get("marks", []), f"{source}, marks")
    written = spec.get("rows")
    if not isinstance(written, dict) or not written:
        raise UserError(
            f"{source}: the study has no rows.", "Add `rows:` with one entry a row, as in fiam.yaml."
        )
    rows = tuple(
        _parse_row(str(key), value or {}, marks, f"{source}, row {key}") for key, value in written.items()
    )
    reference = spec.get("reference")
    if reference is not None and reference not in written:
        raise UserError(
            f"{source}: reference: {reference} is no row.", nearest(str(reference), map(str, written))
        )
    splits = _strings(spec.get("splits", ["val", "test"]), f"{source}, splits")
    for split in splits:
        if split not in SPLITS:
            raise UserError(f"{source}, splits: {split} is no split that is scored.", nearest(split, SPLITS))
    expect = _strings(spec.get("expect", []), f"{source}, expect")
    for expectation in expect:
        parse_expectation(expectation, list(map(str, written)), f"{source}, expect")
    published = _strings(spec.get("published", []), f"{source}, published")
    check_methods(published, f"{source}, published")
    return Study(
        name=name,
        title=str(spec.get("title", name)),
        caption=str(spec.get("caption", "")),
        marks=marks,
        reference=reference,
        rows=rows,
        expect=expect,
        datasets=_strings(spec.get("datasets", []), f"{source}, datasets"),
        splits=splits,
        published=published,
    )


def _parse_row(key: str, written: Any, marks: tuple[str, ...], source: str) -> Row:
    if not isinstance(written, dict):
        raise UserError(
            f"{source}: a row is a mapping.", "For example {label: My row, model: {fusion: none}}."
        )
    _known_keys(written, ROW_KEYS, source)
    chosen = _strings(written.get("marks", []), f"{source}, marks")
    for mark in chosen:
        if mark not in marks:
            raise UserError(f"{source}: {mark} is none of the study's marks.", nearest(mark, marks))
    changes = {section: written[section] for section in SECTIONS if section in written}
    return Row(key=key, label=str(written.get("label", key)), marks=chosen, changes=changes)


def _known_keys(mapping: dict[str, Any], known: tuple[str, ...], source: str) -> None:
    for key in mapping:
        if key not in known:
            raise UserError(f"{source}: {key}: there is no such key.", nearest(str(key), known))


def _strings(value: Any, source: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UserError(f"{source}: this is a list.", "Write it as [a, b].")
    return tuple(str(item) for item in value)


def check_conflicts(study: Study, keys: list[str], source: str) -> None:
    """Refuses command-line keys that a row sets itself, where one of the two would be dropped in silence.

    Raises:
        UserError: Naming the key and the row.
    """
    for row in study.rows:
        groups = {section for section, change in row.changes.items() if isinstance(change, str)}
        for changed in _dotted(row.changes):
            for key in keys:  # keys below a group that the row names are kept: they change its values
                if key == changed or (changed not in groups and key.startswith(changed + ".")):
                    raise UserError(
                        f"{key} is set by row {row.key} of {source}.",
                        "Leave it out here, or change the study's rows.",
                    )


def _dotted(changes: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in changes.items():
        found += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found


def identity(
    config: Config, seed: int, data_fingerprint: str, weights: Callable[[str | None], str]
) -> dict[str, Any]:
    """Everything that can change the cell's score, and nothing else, with defaults written out.

    Sizes of modules that fill no slot are left out, and so is the model's name: LAVT and FIANet without FIAM and TMEM
    are one cell where their recipes agree.

    Args:
        config: The cell's configuration.
        seed: Seed of the weights and of the order of the data.
        data_fingerprint: Content of the data set (`bench.data.fingerprint`).
        weights: From a `pretrained` value (hub id or path) to what identifies its content; for the text, None stands
            for the shipped vocabulary, whose line numbers are what a model trained with it knows of words.
    """
    if config.weights is not None:
        return _scored_only(config, data_fingerprint, weights)
    model, protocol = asdict(config.model), asdict(config.protocol)
    if config.model.plugin is None:  # another package's builder may read any key
        if model["fusion"] not in ALIGNMENTS:  # nothing else reads object and position words
            del model["fiam"], protocol["decoupler"]
        if model["neck"] not in (Neck.tmem, Neck.tmem_blind):
            del model["tmem"]
        if model["fusion"] == Fusion.none:
            del model["fusion_heads"], model["fusion_dropout"]
        del model["name"], model["plugin"]
    recipe = asdict(config.recipe)
    if config.recipe.accumulate == 1:  # a batch in one part, as before this key
        del recipe["accumulate"]
    del model["published"]
    model["text"]["pretrained"] = weights(model["text"]["pretrained"])
    if model["encoder"]["pretrained"] is not None:
        model["encoder"]["pretrained"] = weights(model["encoder"]["pretrained"])
    return {
        "version": VERSION,
        "seed": seed,
        "data": {"fingerprint": data_fingerprint, "max_tokens": config.data.max_tokens},
        "model": model,
        "recipe": recipe,
        "protocol": protocol,
    }


def _scored_only(
    config: Config, data_fingerprint: str, weights: Callable[[str | None], str]
) -> dict[str, Any]:
    """Identity of imported weights that are scored without training: no seed, no recipe but the image size."""
    return {
        "version": VERSION,
        "data": {"fingerprint": data_fingerprint, "max_tokens": config.data.max_tokens},
        "weights": weights(config.weights),
        "vocabulary": weights(config.model.text.pretrained),
        "fusion_heads": list(config.model.fusion_heads),
        "size": config.recipe.size,
        "protocol": {"size": config.protocol.size, "decoupler": config.protocol.decoupler},
    }


def canonical(value: Any) -> str:
    """JSON with one spelling: keys sorted, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def cell_id(identity: dict[str, Any]) -> str:
    """First 12 hex digits of the sha256 of the identity's canonical JSON."""
    return hashlib.sha256(canonical(identity).encode()).hexdigest()[:12]


def plan_cells(
    study: Study,
    configs: dict[tuple[str, str], Config],
    seeds: list[int],
    fingerprint: Callable[[Config], str],
    weights: Callable[[str | None], str],
) -> list[PlannedCell]:
    """All cells of a study, row by row within each data set and seed, so that whole tables appear seed by seed.

    Args:
        study: The parsed study.
        configs: (row key, data set) to the row's composed configuration, every row on every data set.
        seeds: Seeds every row is trained with.
        fingerprint: From a configuration to its data set's content fingerprint.
        weights: See `identity`.
    """
    cells = []
    datasets = list(dict.fromkeys(dataset for _, dataset in configs))
    for seed, dataset in product(seeds, datasets):
        for row in study.rows:
            config = configs[row.key, dataset]
            if config.weights is not None and seed != seeds[0]:
                continue  # nothing is trained, so another seed would be the same cell
            known = identity(config, seed, fingerprint(config), weights)
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
        "datasets": list(dict.fromkeys(cell.dataset for cell in cells)),
        "seeds": list(dict.fromkeys(cell.seed for cell in cells)),
        "protocol": asdict(first.protocol)
        | {"max_tokens": first.data.max_tokens, "pixels": first.recipe.size},
        "command": command,
        "rows": [
            {
                "key": row.key,
                "label": row.label,
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
