"""What a search varies and how, as written in `experiments/tune/NAME.yaml`. Imports neither Optuna nor torch."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config.schema import Config
from bench.config.yaml_files import named_file, read_mapping
from bench.terminal.arguments import explain, keys, nearest, require_key
from bench.terminal.errors import UserError

TUNABLE = ("recipe.", "model.")
# else scores or epochs would not compare
FIXED = ("recipe.epochs", "recipe.size", "model.name", "model.published")
Value = bool | int | float | str | None


class SamplerKind(StrEnum):
    """`tpe`: learns from trials; `gp`: the same for few, costly ones; `random`: does not learn."""

    tpe = "tpe"
    gp = "gp"
    random = "random"


class PrunerKind(StrEnum):
    """What gives poor trials up early: brackets of halvings, one bracket, the median of all, or nothing."""

    hyperband = "hyperband"
    asha = "asha"
    median = "median"
    none = "none"


@dataclass
class SamplerConfig:
    """How the next trial is chosen; `startup` random trials come first."""

    name: SamplerKind = SamplerKind.tpe
    startup: int = 10
    seed: int = 0


@dataclass
class PrunerConfig:
    """When a trial is given up: looks from `min_epochs` on, keeps the best 1/`reduction` at each look."""

    name: PrunerKind = PrunerKind.hyperband
    min_epochs: int = 1
    reduction: int = 3


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole numbers where both ends are."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}{', log' * self.log}" + (
            f" by {self.step:g}" if self.step else ""
        )

    @property
    def ends(self) -> list[Value]:
        """The two values that differ most."""
        return [self.low, self.high]

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))

    @property
    def ends(self) -> list[Value]:
        """Every value: there is no order among them."""
        return list(self.values)

    def __contains__(self, value: object) -> bool:
        return value in self.values


@dataclass(frozen=True)
class Search:
    """One file of `experiments/tune/`."""

    source: str
    values: dict[str, Any]  # as written
    title: str
    overrides: tuple[str, ...]
    trials: int
    sampler: SamplerConfig
    pruner: PrunerConfig
    space: dict[str, Range | Choice]


@dataclass
class _Written:
    title: str = ""
    overrides: list[str] = field(default_factory=list)
    trials: int = 32
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    pruner: PrunerConfig = field(default_factory=PrunerConfig)


@dataclass
class _Range:
    low: Any = None
    high: Any = None
    log: bool = False
    step: Any = None


def read_search(name: str) -> Search:
    """A search by its name under `experiments/tune/`, or by the path of its YAML.

    Raises:
        UserError: No such file, or a wrong key or value in it.
    """
    path = named_file("tune", name)
    mapping = read_mapping(path, "title, trials, sampler, pruner and space, as in experiments/tune/lr.yaml")
    values = OmegaConf.to_container(mapping)
    assert isinstance(values, dict)
    return parse_search({"title": path.stem} | {str(key): value for key, value in values.items()}, str(path))


def parse_search(values: dict[str, Any], source: str) -> Search:
    """A search from its YAML's mapping.

    Args:
        values: The mapping.
        source: The file, for error messages.

    Raises:
        UserError: A wrong key or value.
    """
    for key in values:
        if key not in (known := [*keys(_Written), "space"]):
            raise UserError(
                f"{source}: {key}: there is no such key.",
                nearest(str(key), [word for word in known if "." not in word]),
            )
    space = values.get("space")
    if not isinstance(space, dict) or not space:
        raise UserError(
            f"{source}: there is no space to search.",
            "Add `space:` with keys such as recipe.lr: {low: 1.0e-5, high: 1.0e-3, log: true}.",
        )
    for word in values.get("overrides") or ():
        if not isinstance(word, str):
            raise UserError(f"{source}: overrides: {word}: arguments are key=value.", "Write [scale=tiny].")
    try:
        rest = {key: value for key, value in values.items() if key != "space"}
        written = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(_Written), rest))
    except OmegaConfBaseException as error:
        raise explain(error, source) from None
    assert isinstance(written, _Written)
    _check_counts(written, source)
    return Search(
        source=source,
        values=values,
        title=written.title,
        overrides=tuple(written.overrides),
        trials=written.trials,
        sampler=written.sampler,
        pruner=written.pruner,
        space={str(key): _dimension(str(key), value, source) for key, value in space.items()},
    )


def _check_counts(written: _Written, source: str) -> None:
    least = {
        "trials": (written.trials, 1),
        "sampler.startup": (written.sampler.startup, 1),
        "pruner.min_epochs": (written.pruner.min_epochs, 1),
        "pruner.reduction": (written.pruner.reduction, 2),
    }
    for key, (value, lowest) in least.items():
        if value < lowest:
            raise UserError(f"{source}: {key}={value} is too small.", f"Give {lowest} or more.")


def _dimension(key: str, written: Any, source: str) -> Range | Choice:
    """One line of the space, checked."""
    where = f"{source}, space: "
    require_key(key, keys(Config), where)
    if not key.startswith(TUNABLE):
        raise UserError(
            f"{where}{key}: data, protocol and seeds are what trials are compared on.",
            "Search keys of recipe and model only.",
        )
    if key.startswith(FIXED):
        raise UserError(
            f"{where}{key}: trials that differ in it cannot be compared epoch by epoch.",
            f"Set it for all of them on the command line: {key}=...",
        )
    if isinstance(written, list):
        return _choice(written, f"{where}{key}")
    if isinstance(written, dict):
        return _range(written, type(value_of(Config(), key)), f"{where}{key}")
    raise UserError(f"{where}{key}: this is no range and no list.", "Write {low: 1, high: 3} or [a, b].")


def _choice(written: list[Any], where: str) -> Choice:
    if len(written) < 2 or any(not isinstance(value, Value) for value in written):
        raise UserError(
            f"{where}: a choice is a list of two or more plain values.", "For example [ce, ce_dice]."
        )
    if len(set(map(repr, written))) < len(written):
        raise UserError(f"{where}: a value stands there twice.", "Leave one of them out.")
    return Choice(tuple(written))


def value_of(config: Config, key: str) -> Any:
    """What a configuration holds under a dotted key; an enumeration's value as plain text."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return str(value) if isinstance(value, StrEnum) else value


def _range(written: dict[Any, Any], kind: type, where: str) -> Range:
    if kind not in (int, float):
        raise UserError(f"{where}: the values of this key are no numbers.", "Write a list of choices.")
    for key in written:
        if key not in (known := keys(_Range)):
            raise UserError(f"{where}.{key}: there is no such key.", nearest(str(key), known))
    low, high, step, log = (written.get(key) for key in ("low", "high", "step", "log"))
    numbers = [value for value in (low, high, step) if value is not None]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in (low, high, *numbers)):
        raise UserError(
            f"{where}: low, high and step are numbers.", "For example {low: 1.0e-5, high: 1.0e-3}."
        )
    assert low is not None
    assert high is not None
    if not all(math.isfinite(value) for value in numbers):
        raise UserError(f"{where}: low, high and step are finite numbers.", "Give two ends and a step.")
    if not low < high:
        raise UserError(f"{where}: low={low} is not below high={high}.", "Widen the range.")
    if log and low <= 0:
        raise UserError(f"{where}: a logarithmic range starts above 0.", "Raise low, or leave log out.")
    if step is not None and (log or not 0 < step <= high - low):
        raise UserError(f"{where}: step={step} does not fit.", "Give a step within the range, without log.")
    if kind is int and not all(isinstance(value, int) for value in numbers):
        raise UserError(f"{where}: this key takes whole numbers.", "For example {low: 1, high: 3}.")
    return Range(kind(low), kind(high), bool(log), None if step is None else kind(step))
