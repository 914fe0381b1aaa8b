"""YAML files of `experiments/` by name, and any by path."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from bench.config.groups import EXPERIMENTS, options
from bench.terminal.arguments import nearest
from bench.terminal.errors import UserError


def is_yaml(name: str) -> bool:
    """Whether a value names a file rather than an entry of a group."""
    return Path(name).suffix in (".yaml", ".yml")


def named_file(group: str, name: str) -> Path:
    """A YAML of `experiments/<group>/` by name, or any by its path.

    Raises:
        UserError: There is none; names the nearest.
    """
    if is_yaml(name):
        if Path(name).is_file():
            return Path(name)
        raise UserError(f"{group}={name}: there is no such file.", "Give a name or the path of a YAML file.")
    names = options(group)
    if name not in names:
        kind = "study" if group == "ablation" else group
        raise UserError(f"{group}={name}: there is no such {kind}.", nearest(name, names))
    return EXPERIMENTS / group / f"{name}.yaml"


def read_mapping(path: Path, example: str) -> DictConfig:
    """A YAML file that holds a mapping, interpolations untouched.

    Raises:
        UserError: Not YAML (names file and line), or something else than a mapping.
    """
    import yaml

    try:
        loaded = OmegaConf.load(path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(
            f"{path}{line}: this is not YAML: {getattr(error, 'problem', error)}.", "Mend the file."
        ) from None
    if not isinstance(loaded, DictConfig):
        raise UserError(f"{path}: this is no mapping.", f"Write {example}.")
    return loaded
