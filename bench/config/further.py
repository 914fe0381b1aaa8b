"""`protocol.also`: data sets that are scored beside the one trained on, from what is written to their configuration.

An entry is a name under `experiments/data/`, or a mapping of such a name and of what differs from it:

    protocol.also=[refsegrs]
    'protocol.also=[{data: rrsisd, root: data/ports, name: ports}]'
"""

from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config.groups import EXPERIMENTS
from bench.config.request import check_choice
from bench.config.schema import Config, DataConfig
from bench.config.values import check_values
from bench.config.yaml_files import read_mapping
from bench.terminal.arguments import explain
from bench.terminal.errors import UserError
from bench.terminal.paths import expand_paths

KEY = "protocol.also"
SHARED = ("max_tokens", "stretch", "workers", "cache", "cache_mb")  # a model reads every set as in training
TRAINING = ("published", "limit", "fraction")  # nothing is trained on a further set


def further_data(config: Config) -> list[DataConfig]:
    """The further sets of a configuration, in the order of `protocol.also`.

    Raises:
        UserError: An entry that names no data set, a wrong key or value, or a key that belongs to training.
    """
    return [_one(each, config) for each in config.protocol.also]


def as_mapping(entry: Any) -> dict[str, Any]:
    """An entry of `protocol.also` written out: `data` and what differs from it.

    Raises:
        UserError: It names no data set.
    """
    mapping = {"data": entry} if isinstance(entry, str) else entry
    if not (isinstance(mapping, dict) and isinstance(mapping.get("data"), str)):
        raise UserError(
            f"{KEY}: {entry!r} names no data set.",
            f"Write {KEY}=[refsegrs], or '{KEY}=[{{data: rrsisd, root: DIR, name: NAME}}]'.",
        )
    return {str(key): value for key, value in mapping.items()}


def _one(entry: Any, config: Config) -> DataConfig:
    mapping = as_mapping(entry)
    group = mapping.pop("data")
    where = f"{KEY}, {mapping.get('name', group)}"
    check_choice("data", group, f"{where}: ")
    for key in mapping:
        if key in (*SHARED, *TRAINING):
            raise UserError(
                f"{where}: {key}: a further set is read as the one trained on, and nothing is trained on it.",
                f"Leave it out; data.{key} is that of the set trained on.",
            )
    values = read_mapping(EXPERIMENTS / "data" / f"{group}.yaml", "name, layout and root")
    values.pop("published", None)  # refers to the model
    try:
        data = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(DataConfig), values, mapping))
    except OmegaConfBaseException as error:
        raise explain(error, where) from None
    assert isinstance(data, DataConfig)
    expand_paths(data)
    data = replace(data, **{key: getattr(config.data, key) for key in SHARED})
    try:
        check_values(replace(config, data=data))
    except UserError as error:
        raise UserError(f"{where}: {error.what}", error.remedy) from None
    return data
