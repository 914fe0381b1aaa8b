"""From `experiments/*.yaml` and a request to a typed `Config`, with errors people can act on."""

import re
from collections.abc import Iterable
from dataclasses import asdict
from enum import Enum
from functools import lru_cache
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config.further import further_data
from bench.config.groups import EXPERIMENTS, GROUPS
from bench.config.plugins import package, plugins
from bench.config.request import Request, check_choice
from bench.config.schema import Config, PublishedModel
from bench.config.values import check_values
from bench.terminal.arguments import explain, literal, refuse_nested
from bench.terminal.errors import UserError
from bench.terminal.paths import expand_paths

APART = ("ablation", "seeds")  # keys that are not given to Hydra
RETIRED = ("images_per_second",)  # keys of stored configurations that nothing reads any more

ConfigStore.instance().store(name="schema", node=Config)


def configuration(words: Iterable[str]) -> Config:
    """The configuration that `key=value` arguments ask for.

    Raises:
        UserError: A wrong key, group or value; names itself and the nearest right one.
    """
    return compose(Request.parse(words))


def compose(request: Request, changes: dict[str, Any] | None = None, source: str = "") -> Config:
    """The configuration of one row of a study on one data set, checked.

    Args:
        request: What was asked for.
        changes: What the row changes: a group name (`{"model": "lavt"}`) or nested keys; wins.
        source: Where `changes` were read, for error messages.

    Raises:
        UserError: A wrong key, group or value; names itself and the nearest right one.
    """
    changes = changes or {}
    where = f"{source}: " if source else ""
    chosen = {key: value for key, value in changes.items() if isinstance(value, str) and key in GROUPS}
    for group, value in chosen.items():
        check_choice(group, value, where)
    nested = {key: value for key, value in changes.items() if key not in chosen}
    # a study is no group to be merged into the configuration, and Hydra is slow to read a thousand seeds again
    nested |= {key: value for key in APART if (value := request.value(key)) is not None}
    left_out = {*APART, *chosen}
    if plugin := _plugin(chosen.get("model", request.value("model"))):
        left_out.add("model")
        nested["model"] = _another(plugin) | nested.get("model", {})
    choices = [f"{group}={value}" for group, value in chosen.items() if (group, value) != ("model", plugin)]
    try:
        composed = _groups(*request.words(without=left_out), *choices)
    except (OmegaConfBaseException, HydraException) as error:
        raise _explain_hydra(error) from None
    try:
        config = OmegaConf.to_object(OmegaConf.merge(composed, nested))
    except OmegaConfBaseException as error:
        raise explain(error, source) from None
    assert isinstance(config, Config)
    refuse_nested(config)
    expand_paths(config)
    check_values(config)
    further_data(config)
    return config


@lru_cache
def _groups(*words: str) -> DictConfig:
    """What the chosen groups and keys make; most rows of a study choose the same and change values of their own."""
    with initialize_config_dir(str(EXPERIMENTS), version_base="1.3"):
        composed = hydra_compose("config", list(words))
    OmegaConf.set_struct(composed, True)
    return composed


def _plugin(model: Any) -> str | None:
    """The model, where it is another package's: it has no YAML, its builder reads our defaults."""
    if model is None or (EXPERIMENTS / "model" / f"{model}.yaml").is_file() or str(model) not in plugins():
        return None
    return str(model)


def _another(plugin: str) -> dict[str, Any]:
    """What another package's model changes: the published choices that we know are not its own."""
    default = PublishedModel()
    published = {
        "select": default.select,
        "metric": default.metric,
        "decoupler": default.decoupler,
        "said": "",
    }
    return {"name": plugin, "plugin": package(plugins()[plugin]), "published": published}


def restore(values: dict[str, Any]) -> Config:
    """A `Config` from its stored form (`cell.json`).

    Raises:
        UserError: Another version of the project wrote it, with keys or values that this one does not have.
    """
    known = {key: value for key, value in values.items() if key not in RETIRED}
    try:
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), literal(known)))
    except OmegaConfBaseException as error:
        raise UserError(
            f"a stored configuration cannot be read: {explain(error).what}",
            "Another version of this project wrote it: use that version, or another store=.",
        ) from None
    assert isinstance(config, Config)
    expand_paths(config)
    return config


def plain(config: Config) -> dict[str, Any]:
    """A `Config` as JSON-ready dicts, every default written out."""
    return asdict(
        config,
        dict_factory=lambda pairs: {
            key: value.value if isinstance(value, Enum) else value for key, value in pairs
        },
    )


def _explain_hydra(error: Exception) -> UserError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OmegaConfBaseException):
            return explain(cause)
        cause = cause.__cause__
    return UserError(re.sub(r"\s+", " ", str(error)), "Look at `python -m bench.run --help` for the keys.")
