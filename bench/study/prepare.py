"""From a request to a checked plan: reads YAML, audits the data, takes fingerprints. Imports no torch."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.config.choices import Decoupler, EncoderKind
from bench.config.compose import compose
from bench.config.further import further_data
from bench.config.request import Request
from bench.config.schema import REQUIRED, Config, DataConfig, PublishedData
from bench.data.decouplers import nltk_tagger
from bench.data.fingerprint import fingerprint
from bench.data.further import further_references, with_own_names, with_sets_made
from bench.data.source import source
from bench.data.subset import limit_note, training_subset
from bench.data.usable import usable_references
from bench.models.pretrained import encoder_digest, image_size, text_digest
from bench.storage.splits import TEST, further_split
from bench.storage.store import Store
from bench.study.definition import Study, named_study
from bench.study.plan import Plan, plan_cells
from bench.terminal.bars import bar
from bench.terminal.errors import UserError


def prepare(request: Request, study: Study | None = None) -> Plan:
    """Composes every row, checks the data, and gives every cell its id.

    Args:
        request: What was asked for.
        study: Its rows are planned instead of those that `ablation=` names.

    Raises:
        UserError: A wrong value, a data set that is missing or has errors, or weights that cannot be read.
    """
    config = compose(request)
    study = study or named_study(config, request)
    configs = compose_rows(study, config, request)
    for each in configs.values():
        _check_start(each, f"scale={request.value('scale') or 'tiny'}")
        _check_weights(each)
    configs = {key: with_sets_made(each) for key, each in configs.items()}
    _check_tagger(list(configs.values()))
    sets = _audited_sets(configs.values())
    cells = plan_cells(
        study,
        configs,
        list(config.seeds),
        lambda each: sets[_asked(each.data)].fingerprint,
        text_digest,
        encoder_digest,
        lambda each: {data.name: sets[_asked(data)].fingerprint for data in further_data(each)},
    )
    read = {id(each): _samples(each, sets) for each in configs.values()}
    samples = {cell.id: read[id(cell.config)] for cell in cells}
    return Plan(config, study, cells, Store(config.store), samples)


def compose_rows(study: Study, config: Config, request: Request) -> dict[tuple[str, str], Config]:
    """The configuration of every row on every data set: those of `data=`, else those the study names.

    Raises:
        UserError: A wrong value, or `data.*` given for several data sets at once.
    """
    named = study.datasets if study.datasets and "data" not in request.keys else ()
    shared = [key for key in request.keys if key.startswith("data.") and key != "data.cache"]
    if len(named) > 1 and shared:
        raise UserError(
            f"{shared[0]} is given, but the study {study.name} runs on {' and '.join(named)}.",
            f"Choose one, for example data={named[0]}.",
        )
    requests = {name: request.on_data(name) for name in named} or {config.data.name: request}
    composed = [
        (row.key, compose(asked, row.changes, f"{study.source or study.name}, row {row.key}"))
        for asked in requests.values()
        for row in study.rows
    ]
    named_as_they_say = {
        (key, named.data.name): named
        for key, named in ((key, with_own_names(each)) for key, each in composed)
    }
    if any(each.protocol.also for _, each in composed) and not any(
        each.protocol.also for each in named_as_they_say.values()
    ):
        raise UserError(
            "protocol.also: names what is trained on and nothing else; that test split is scored anyway.",
            "Name another set, or leave it out.",
        )
    return named_as_they_say


@dataclass(frozen=True)
class _DataSet:
    fingerprint: str
    samples: dict[str, int]


def _asked(data: DataConfig) -> str:
    """What is audited once: rows that differ in what papers train with on it share their set."""
    return repr(replace(data, published=PublishedData()))


def _audited_sets(configs: Iterable[Config]) -> dict[str, _DataSet]:
    """Every set that is read, each looked at once, by `_asked`."""
    configs = list(configs)
    further = {_asked(data): data for each in configs for data in further_data(each)}
    trained = {_asked(each.data): each.data for each in configs}
    return {key: _audited_further(data) for key, data in further.items()} | {
        key: _audited(data) for key, data in trained.items()
    }


def _samples(config: Config, sets: Mapping[str, _DataSet]) -> dict[str, int]:
    """References of every split that a cell reads."""
    further = {further_split(data.name): sets[_asked(data)].samples[TEST] for data in further_data(config)}
    return sets[_asked(config.data)].samples | further


def _audited(data: DataConfig) -> _DataSet:
    """Refuses a set with errors before anything starts, and names its content."""
    with bar(f"reading {source(data)}") as progress:
        references, _ = usable_references(data, progress)
    training = training_subset(references["train"], data)
    if said := limit_note(data, training):
        print(said, file=sys.stderr)
    samples = {split: len(found) for split, found in references.items()}
    return _DataSet(fingerprint(data), samples | {"train": len(training.references)})


def _audited_further(data: DataConfig) -> _DataSet:
    """The same of a set that is only scored: its test split alone is needed."""
    with bar(f"reading {data.root}") as progress:
        references, _ = further_references(data, progress)
    return _DataSet(fingerprint(data), {TEST: len(references)})


def _check_start(config: Config, scale: str) -> None:
    """Refuses to train from random weights, where pretrained ones are usual, unless that was said.

    Not for models of other packages, whose builders may have no use for our encoders: one that has refuses `required`.
    """
    model = config.model
    if config.weights is not None or model.plugin is not None:
        return
    swin = model.encoder.kind == EncoderKind.swin
    released = model.published.encoder
    name = f"{released}, of the original Swin release" if swin else f"of {model.encoder.name}"
    for part, pretrained, ways in (
        (
            "encoder",
            model.encoder.pretrained,
            f"FILE ({name}), a timm name",
        ),
        ("text", model.text.pretrained, "DIR, a hub id (bert-base-uncased)"),
    ):
        if pretrained == REQUIRED or (released and pretrained is None):
            raise UserError(
                f"model.{part}.pretrained: {scale} needs pretrained weights.",
                f"Pass model.{part}.pretrained={ways}, or `random`, which every table then says.",
            )


def _check_weights(config: Config) -> None:
    """Refuses `weights=` that are not there or for other images; loading them looks at what is in them."""
    if config.weights is None:
        return
    path, size = Path(config.weights), config.recipe.size
    if not path.exists():
        raise UserError(
            f"weights={path}: there is no such file or folder.",
            "Pass what `python -m bench.weights export` wrote, or a released .pth.",
        )
    if (made_for := image_size(path)) not in (None, size):
        raise UserError(
            f"weights={path}: made for images of {made_for} px, recipe.size is {size}.",
            f"Pass recipe.size={made_for}, in the row or on the command line.",
        )


def _check_tagger(configs: list[Config]) -> None:
    """Refuses a request that NLTK is missing for altogether; cells of a study that do without it still run."""
    needing = [each for each in configs if each.protocol.decoupler == Decoupler.nltk]
    if not needing:
        return
    try:
        nltk_tagger()
    except UserError as error:
        if len(needing) == len(configs):
            raise
        print(f"{error.what} Cells that need it will fail.\n{error.remedy}", file=sys.stderr)
