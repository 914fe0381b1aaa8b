"""From a command line to a checked plan: reads YAML, audits the data, takes fingerprints. Imports no torch."""

import sys
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from bench.config.compose import compose, parse_overrides, plain, read_study, study_file
from bench.config.groups import GROUPS
from bench.config.schema import Config, DataConfig, Decoupler
from bench.data.decouplers import nltk_tagger
from bench.data.fingerprint import fingerprint
from bench.data.usable import usable_references
from bench.models.pretrained import image_size, weights_digest
from bench.storage.store import Cell, Store
from bench.study import plan
from bench.terminal.bars import bar
from bench.terminal.errors import UserError
from fianet.tokens import SHIPPED


@dataclass(frozen=True)
class Prepared:
    """A plan that can be started: every value, file and sample it needs was looked at."""

    config: Config
    study: plan.Study
    cells: list[plan.PlannedCell]
    store: Store
    training_samples: dict[str, int]  # by cell id

    def stored(self) -> list[Cell]:
        """The cells' folders, each once, in plan order."""
        return [self.store.cell(cell_id) for cell_id in dict.fromkeys(cell.id for cell in self.cells)]

    def missing(self) -> list[Cell]:
        """Cells that are not done."""
        return [cell for cell in self.stored() if not cell.done]

    def write(self, command: str) -> None:
        """Makes the study and its cells known to the store."""
        for cell in self.cells:
            self.store.plan(cell.id, cell.identity, plain(cell.config))
        self.store.write_study(plan.study_record(self.study, self.cells, command))


def prepare(overrides: list[str], study: plan.Study | None = None) -> Prepared:
    """Composes every row, checks the data, and gives every cell its id.

    Args:
        overrides: `key=value` arguments.
        study: Its rows are planned instead of those that `ablation=` names.

    Raises:
        UserError: A wrong key or value, a data set that is missing or has errors, or weights that cannot be read.
    """
    config = compose(overrides)
    study = study or named_study(config, overrides)
    configs = compose_rows(study, config, overrides)
    for each in configs.values():
        _check_weights(each)
    _check_tagger(list(configs.values()))
    sets = {
        key: _look_at(data) for key, data in {repr(each.data): each.data for each in configs.values()}.items()
    }
    cells = plan.plan_cells(
        study, configs, list(config.seeds), lambda each: sets[repr(each.data)].fingerprint, _weights
    )
    samples = {cell.id: sets[repr(cell.config.data)].training_samples for cell in cells}
    return Prepared(config, study, cells, Store(config.store), samples)


def compose_rows(study: plan.Study, config: Config, overrides: list[str]) -> dict[tuple[str, str], Config]:
    """The configuration of every row on every data set: those of `data=`, else those the study names.

    Raises:
        UserError: A wrong value, or `data.*` given for several data sets at once.
    """
    keys = [override.key_or_group for override in parse_overrides(overrides)]
    named = ["data"] if "data" in keys or not study.datasets else list(study.datasets)
    shared = [key for key in keys if key.startswith("data.") and key != "data.cache"]
    if len(named) > 1 and shared:
        raise UserError(
            f"{shared[0]} is given, but the study {study.name} runs on {' and '.join(named)}.",
            f"Choose one, for example data={named[0]}.",
        )
    source = str(study_file(config.ablation)) if config.ablation else study.name
    configs = {}
    for choice in named:
        words = overrides if choice == "data" else [f"data={choice}", *overrides]
        for row in study.rows:
            composed = compose(words, row.changes, f"{source}, row {row.key}")
            configs[row.key, config.data.name if choice == "data" else choice] = composed
    return configs


@dataclass(frozen=True)
class _DataSet:
    fingerprint: str
    training_samples: int


def _look_at(data: DataConfig) -> _DataSet:
    """Refuses a set with errors before anything starts, and names its content."""
    with bar(f"reading {data.root}") as progress:
        references, _ = usable_references(data, progress)
    return _DataSet(fingerprint(data), len(references["train"]))


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


def _weights(pretrained: str | None) -> str:
    return weights_digest(pretrained or str(SHIPPED))


def named_study(config: Config, overrides: list[str]) -> plan.Study:
    """The study that `ablation=` names, or one row of the chosen model."""
    if config.ablation is None:
        name = config.name or config.model.name
        return plan.Study(
            name=name, title=config.model.name, rows=(plan.Row(config.model.name, config.model.name),)
        )
    path = study_file(config.ablation)
    spec = OmegaConf.to_container(read_study(config.ablation))
    assert isinstance(spec, dict)
    study = plan.parse_study(
        config.name or path.stem, {str(key): value for key, value in spec.items()}, str(path)
    )
    keys = [override.key_or_group for override in parse_overrides(overrides)]
    plan.check_conflicts(study, [key for key in keys if key not in GROUPS or key == "model"], str(path))
    return study
