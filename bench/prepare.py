"""From a command line to a checked plan: reads YAML, audits the data, takes fingerprints. Imports no torch."""

from dataclasses import dataclass

from omegaconf import OmegaConf

from bench import plan
from bench.compose import compose, parse_overrides, plain, read_study, study_file
from bench.config import Config, DataConfig
from bench.data.fingerprint import fingerprint
from bench.data.usable import usable_references
from bench.options import GROUPS
from bench.pretrained import weights_digest
from bench.store import Cell, Store
from fianet.tokens import SHIPPED


@dataclass(frozen=True)
class Prepared:
    """A plan that can be started: every value, file and sample it needs was looked at."""

    config: Config
    study: plan.Study
    cells: list[plan.PlannedCell]
    store: Store
    training_samples: dict[str, int]  # by row

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


def prepare(overrides: list[str]) -> Prepared:
    """Composes every row, checks the data, and gives every cell its id.

    Raises:
        UserError: A wrong key or value, a data set that is missing or has errors, or weights that cannot be read.
    """
    config = compose(overrides)
    study = _study(config, overrides)
    source = str(study_file(config.ablation)) if config.ablation else ""
    configs = {row.key: compose(overrides, row.changes, f"{source}, row {row.key}") for row in study.rows}
    sets = {
        key: _look_at(data) for key, data in {repr(each.data): each.data for each in configs.values()}.items()
    }
    cells = plan.plan_cells(
        study, configs, list(config.seeds), lambda each: sets[repr(each.data)].fingerprint, _weights
    )
    samples = {key: sets[repr(each.data)].training_samples for key, each in configs.items()}
    return Prepared(config, study, cells, Store(config.store), samples)


@dataclass(frozen=True)
class _DataSet:
    fingerprint: str
    training_samples: int


def _look_at(data: DataConfig) -> _DataSet:
    """Refuses a set with errors before anything starts, and names its content."""
    references, _ = usable_references(data)
    return _DataSet(fingerprint(data), len(references["train"]))


def _weights(pretrained: str | None) -> str:
    return weights_digest(pretrained or str(SHIPPED))


def _study(config: Config, overrides: list[str]) -> plan.Study:
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
