"""How fast cells train: measured here, rehearsed, or assumed; the first of these that says anything."""

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.config.machine import on_gpu
from bench.config.schema import Config, ModelConfig
from bench.storage.cell import Cell
from bench.storage.history import trained
from bench.storage.rehearsals import read_rehearsal
from bench.storage.splits import further_set
from bench.storage.store import Store

INFERENCE = 3.0  # times as fast as training, which also goes backward and takes a step; assumed


@dataclass(frozen=True)
class Estimate:
    """Training speed of one cell, and where the number comes from."""

    images_per_second: float  # of all processes of the cell together, evaluation aside
    source: str


@dataclass(frozen=True)
class _Measured:
    model: dict[str, Any]
    size: int
    gpu: bool | None  # None: an older version did not write it down
    rate: float  # images a second of one process


class Speeds:
    """How fast cells trained that are done in a store, and how fast others will.

    Args:
        store: Its cells are read once, here.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = [found for cell in store.cells() if (found := _measured(cell))]
        # by the object: the cells of a row share their configuration, however many seeds it has
        self._estimates: dict[int, tuple[Config, Estimate]] = {}

    def of(self, config: Config) -> Estimate:
        """Cells of this model and image size, else a rehearsal, else other cells of its scale, else what is assumed."""
        if id(config) not in self._estimates:
            alone = self._this_model(config) or _rehearsed(self._store, config)
            alone = alone or self._this_scale(config) or _assumed(config)
            team = Estimate(alone.images_per_second * config.launcher.team, alone.source)
            self._estimates[id(config)] = config, team
        return self._estimates[id(config)][1]

    def seconds(self, config: Config, samples: Mapping[str, int]) -> float:
        """How long a whole cell takes: training, the evaluation after every epoch, and those at the end.

        Args:
            config: The cell's configuration.
            samples: References of each split.
        """
        epochs = 0 if config.weights else config.recipe.epochs
        further = sum(count for split, count in samples.items() if further_set(split))
        scored = (
            epochs * samples[config.protocol.select.value] + samples["val"] + 2 * samples["test"] + further
        )
        return (epochs * samples["train"] + scored / INFERENCE) / self.of(config).images_per_second

    def _this_model(self, config: Config) -> Estimate | None:
        rates = [
            known.rate for known in self._alike(config, asdict(config.model)) if _same_size(known, config)
        ]
        return _median(rates, "{} of this model done here")

    def _this_scale(self, config: Config) -> Estimate | None:
        """The same model at another size, else other models with an encoder as wide."""
        alike = self._alike(config, asdict(config.model)) or self._alike(config, None)
        found = [known for known in alike if _same_size(known, config)] or alike
        sizes = sorted({known.size for known in found} - {config.recipe.size})
        scaled = f", made at {'/'.join(map(str, sizes))} px" if sizes else ""
        rates = [known.rate * _area_ratio(known.size, config) for known in found]
        return _median(rates, "{} of this scale done here" + scaled)

    def _alike(self, config: Config, model: dict[str, Any] | None) -> list[_Measured]:
        """Cells trained on the same kind of device, of a model, or of any as wide."""
        gpu, wide = on_gpu(config.launcher), _width(asdict(config.model.encoder))
        return [
            known
            for known in self._known
            if known.gpu in (gpu, None)
            # enumerations equal their names
            and (_width(known.model["encoder"]) == wide if model is None else known.model == model)
        ]


def _measured(cell: Cell) -> _Measured | None:
    """What a finished cell tells; nothing where none was trained."""
    metrics, config = cell.metrics() or {}, cell.config()
    about, counts = cell.environment(), metrics.get("counts", {})
    images, seconds = trained(cell.history(), counts.get("train", 0))
    if not (images and seconds and "model" in config):
        return None
    scored = len(cell.history()) * counts.get(config["protocol"]["select"], 0) / INFERENCE
    rate = (images + scored) / seconds / about.get("processes", 1)
    device = about.get("device_type")
    model = _filled(config["model"], asdict(ModelConfig()))
    return _Measured(model, config["recipe"]["size"], device and device != "cpu", rate)


def _filled(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A stored model with today's keys: one from before a key stood where its default is."""
    return {
        key: _filled(stored.get(key, {}), default) if isinstance(default, dict) else stored.get(key, default)
        for key, default in defaults.items()
    }


def _width(encoder: Mapping[str, Any]) -> Any:
    """What encoders that are about as fast agree in: the width of Swin's, the name of others."""
    return encoder.get("name") or encoder["embed_dim"]


def _rehearsed(store: Store, config: Config) -> Estimate | None:
    found = read_rehearsal(store, config)
    if found is None:
        return None
    return Estimate(found.images_a_step / found.seconds_a_step, f"rehearsed on {found.device}")


def _assumed(config: Config) -> Estimate:
    assumed, gpu = config.assumed, on_gpu(config.launcher)
    rate = assumed.gpu if gpu else assumed.cpu
    source = f"assumed {rate:g} images/s at {assumed.size} px on {'a GPU' if gpu else 'a CPU'}, nothing was measured"
    return Estimate(rate * _area_ratio(assumed.size, config), source)


def _median(rates: list[float], source: str) -> Estimate | None:
    if not rates:
        return None
    cells = "1 cell" if len(rates) == 1 else f"median of {len(rates)} cells"
    return Estimate(statistics.median(rates), source.format(cells))


def _same_size(known: _Measured, config: Config) -> bool:
    return known.size == config.recipe.size


def _area_ratio(size: int, config: Config) -> float:
    """How many times faster images of the configured size are than images of another."""
    return (size / config.recipe.size) ** 2
