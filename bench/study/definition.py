"""A study as its YAML defines it: rows, labels, what each row changes, what is expected of them."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import OmegaConf

from bench.config.groups import GROUPS
from bench.config.request import Request
from bench.config.schema import Config
from bench.config.yaml_files import named_file, read_mapping
from bench.data.reference import SCORED
from bench.storage.expectation import parse_expectation
from bench.terminal.arguments import dotted, nearest
from bench.terminal.errors import UserError
from reports import check_methods

SECTIONS = ("model", "recipe", "protocol", "data", "weights")  # what a row may change
STUDY_KEYS = ("title", "caption", "datasets", "splits", "marks", "reference", "rows", "expect", "published")
ROW_KEYS = ("label", "short", "marks", *SECTIONS)


@dataclass(frozen=True)
class Row:
    """One line of the table: its label, check marks, what it changes, its label where there is little room."""

    key: str
    label: str
    marks: tuple[str, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    short: str = ""


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
    source: str = ""  # the YAML; empty where there is none


def named_study(config: Config, request: Request) -> Study:
    """The study that `ablation=` names, or one row of the chosen model.

    Raises:
        UserError: No such study, a mistake in its file, or a key on the command line that a row sets itself.
    """
    if config.ablation is None:
        model = config.model.name
        return Study(name=config.name or model, title=model, rows=(Row(model, model),))
    study = read_study(config.ablation, config.name)
    keys = [key for key in request.keys if key not in GROUPS or key == "model"]
    check_conflicts(study, keys, study.source)
    return study


def read_study(ablation: str, name: str | None = None) -> Study:
    """A study by its name under `experiments/ablation/`, or by the path of its YAML.

    Args:
        ablation: Which.
        name: What the store calls it; None: the file's name.

    Raises:
        UserError: No such file, or a mistake in it.
    """
    path = named_file("ablation", ablation)
    mapping = read_mapping(path, "title, rows and reference, as in experiments/ablation/fiam.yaml")
    spec = OmegaConf.to_container(mapping)
    assert isinstance(spec, dict)
    return parse_study(name or path.stem, {str(key): value for key, value in spec.items()}, str(path))


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
        if split not in SCORED:
            raise UserError(f"{source}, splits: {split} is no split that is scored.", nearest(split, SCORED))
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
        source=source,
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
    label, short = str(written.get("label", key)), str(written.get("short", ""))
    return Row(key=key, label=label, marks=chosen, changes=changes, short=short)


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
        for changed, _ in dotted(row.changes):
            for key in keys:  # keys below a group that the row names are kept: they change its values
                if key == changed or (changed not in groups and key.startswith(changed + ".")):
                    raise UserError(
                        f"{key} is set by row {row.key} of {source}.",
                        "Leave it out here, or change the study's rows.",
                    )
