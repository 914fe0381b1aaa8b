"""From `experiments/*.yaml` and the command line to a typed `Config`, with errors people can act on."""

import json
import re
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config.groups import EXPERIMENTS, GROUPS, options
from bench.config.plugins import package, plugins
from bench.config.schema import Config, LauncherConfig, LauncherKind, RecipeConfig
from bench.launch.devices import visible_gpus
from bench.terminal.arguments import dotted, explain, nearest, require_key
from bench.terminal.errors import UserError

ConfigStore.instance().store(name="schema", node=Config)


def compose(overrides: list[str], changes: dict[str, Any] | None = None, source: str = "") -> Config:
    """The configuration of one cell, checked.

    Args:
        overrides: `key=value` in Hydra's grammar, as on the command line; groups by name (`data=rrsisd`).
        changes: What a row of a study changes: a group name (`{"model": "lavt"}`) or nested keys; wins.
        source: Where `changes` were read, for error messages.

    Raises:
        UserError: A wrong key, group or value; names itself and the nearest right one.
    """
    check_overrides(overrides)
    changes = changes or {}
    chosen = [
        f"{group}={value}" for group, value in changes.items() if isinstance(value, str) and group in GROUPS
    ]
    check_overrides(chosen, source)
    nested = {key: value for key, value in changes.items() if f"{key}={value}" not in chosen}
    named = [override for override in parse_overrides(overrides) if override.key_or_group == "ablation"]
    if named:  # a folder beside the groups, but no group: a study is not merged into the configuration
        nested["ablation"] = named[-1].value()
    replaced = {"ablation"} | {choice.partition("=")[0] for choice in chosen}
    kept = with_recipe_file([text for text in overrides if text.partition("=")[0] not in replaced])
    words, plugin = _without_plugin([*kept, *chosen])
    if plugin:
        nested["model"] = {"name": plugin, "plugin": package(plugins()[plugin])} | nested.get("model", {})
    try:
        with initialize_config_dir(str(EXPERIMENTS), version_base="1.3"):
            composed = hydra_compose("config", words)
    except (OmegaConfBaseException, HydraException) as error:
        raise _explain_hydra(error) from None
    try:
        OmegaConf.set_struct(composed, True)
        merged = OmegaConf.merge(composed, nested)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise explain(error, source) from None
    assert isinstance(config, Config)
    check_values(config)
    return config


def _without_plugin(words: list[str]) -> tuple[list[str], str | None]:
    """Takes out `model=NAME` where NAME is another package's: it has no YAML, its builder reads our defaults."""
    choices = [word.partition("=")[2] for word in words if word.startswith("model=")]
    if (
        not choices
        or choices[-1] not in plugins()
        or (EXPERIMENTS / "model" / f"{choices[-1]}.yaml").is_file()
    ):
        return words, None
    return [word for word in words if not word.startswith("model=")], choices[-1]


def restore(values: dict[str, Any]) -> Config:
    """A `Config` from its stored form (`cell.json`).

    Raises:
        UserError: Another version of the project wrote it, with keys or values that this one does not have.
    """
    try:
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Config), values))
    except OmegaConfBaseException as error:
        raise UserError(
            f"a stored configuration cannot be read: {explain(error).what}",
            "Another version of this project wrote it: use that version, or another store=.",
        ) from None
    assert isinstance(config, Config)
    return config


def plain(config: Config) -> dict[str, Any]:
    """A `Config` as JSON-ready dicts, every default written out."""
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True, enum_to_str=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def parse_overrides(overrides: list[str]) -> list[Override]:
    """Hydra's override grammar, with its errors in one line.

    Raises:
        UserError: Text that is no `key=value` in Hydra's grammar.
    """
    parsed = []
    for text in overrides:
        try:
            parsed += OverridesParser.create().parse_overrides([text])
        except HydraException:
            raise UserError(
                f"{text}: this is not key=value in Hydra's grammar.",
                "Write key=value; quote values with spaces or commas as in 'data.root=\"my data\"'.",
            ) from None
    return parsed


def check_overrides(overrides: list[str], source: str = "") -> None:
    """Refuses keys and group names that do not exist, before anything is composed."""
    where = f"{source}: " if source else ""
    for override in parse_overrides(overrides):
        key = override.key_or_group
        text = override.input_line or key
        if override.type != OverrideType.CHANGE:
            raise UserError(
                f"{where}{text}: keys cannot be added or removed.", f"Write {key}=value without + or ~."
            )
        if override.is_sweep_override():
            raise UserError(
                f"{where}{text}: one command takes one value a key.",
                "Compare values as rows of a study (experiments/ablation/), or tune them; a list is written [1,2].",
            )
        if key == "recipe" and _is_file(str(override.value())):
            check_overrides(_recipe_words(str(override.value())), str(override.value()))
        elif key in GROUPS:
            value, names = str(override.value()), options(key)
            if value not in names:
                raise UserError(f"{where}{key}={value}: there is no such {key}.", nearest(value, names))
        else:
            require_key(key, Config, where)


def with_recipe_file(overrides: list[str]) -> list[str]:
    """`recipe=FILE.yaml` (as `bench.tune` writes it) as its keys, which the command line's own keys follow and win."""
    for override in parse_overrides(overrides):
        if override.key_or_group == "recipe" and _is_file(str(override.value())):
            rest = [text for text in overrides if text != override.input_line]
            return [*_recipe_words(str(override.value())), *rest]
    return overrides


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml")


def _recipe_words(name: str) -> list[str]:
    """The keys of a recipe file in Hydra's grammar, of which JSON is a part.

    Raises:
        UserError: No such file, or keys that are no recipe's or model's.
    """
    values = OmegaConf.to_container(read_mapping(named_file("recipe", name), "recipe: {lr: 1.0e-4}"))
    words = [f"{key}={json.dumps(value)}" for key, value in dotted(values)]
    for word in words:
        if not word.startswith(("recipe.", "model.")):
            raise UserError(
                f"{name}: {word.partition('=')[0]}: a recipe file holds `recipe:` and `model:`.",
                "For example recipe: {lr: 1.0e-4}.",
            )
    return words


def check_values(config: Config) -> None:
    """Refuses values no run could use.

    Raises:
        UserError: Naming the key.
    """
    recipe, launcher = config.recipe, config.launcher
    positive = {
        "recipe.epochs": recipe.epochs,
        "recipe.lr": recipe.lr,
        "recipe.size": recipe.size,
        "data.max_tokens": config.data.max_tokens - 2,
        "launcher.checkpoint_seconds": launcher.checkpoint_seconds,
        "model.tmem.blocks": config.model.tmem.blocks,
    }
    for key, value in positive.items():
        if value <= 0:
            raise UserError(f"{key} is too small.", "Give a larger value.")
    if recipe.batch_size < 2:
        raise UserError(
            f"recipe.batch_size={recipe.batch_size}: batch normalisation learns nothing from single images.",
            "Use 2 or more.",
        )
    if config.tracking.live and config.tracking.uri is None:
        raise UserError(
            "tracking=live: tracking.uri is missing: many processes cannot share one sqlite file.",
            "Start `mlflow server --host 127.0.0.1` and give tracking.uri=http://127.0.0.1:5000.",
        )
    _check_parts(recipe, launcher)
    if not 0 <= recipe.erase <= 1:
        raise UserError(f"recipe.erase={recipe.erase}: this is a share.", "Give a value from 0 to 1.")
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        raise UserError(
            f"seeds={config.seeds}: seeds are different whole numbers from 0.", "For example seeds=[0,1,2]."
        )


def _check_parts(recipe: RecipeConfig, launcher: LauncherConfig) -> None:
    """Refuses batches that do not split evenly, or into parts that batch norm learns nothing from."""
    if launcher.processes > 1 and launcher.name == LauncherKind.inline:
        raise UserError(
            f"launcher.processes={launcher.processes}: launcher=inline trains in this process alone.",
            "Use launcher=local or launcher=slurm.",
        )
    gpus = launcher.gpus if launcher.name == LauncherKind.slurm else launcher.processes > 1 and visible_gpus()
    least = 1 if launcher.processes > 1 and gpus else 2  # GPUs normalise all processes' parts as one
    parts = launcher.processes * recipe.accumulate
    wrong = min(launcher.processes, recipe.accumulate) < 1
    if wrong or recipe.batch_size % parts or recipe.batch_size < least * parts:
        given = f"launcher.processes={launcher.processes}, " if launcher.processes != 1 else ""
        raise UserError(
            f"{given}recipe.accumulate={recipe.accumulate}: batches of {recipe.batch_size} do not split so.",
            f"Together they divide recipe.batch_size and leave parts of {least} or more.",
        )


def study_file(name: str) -> Path:
    """The YAML of a study, by name or path."""
    return named_file("ablation", name)


def named_file(group: str, name: str) -> Path:
    """A YAML of `experiments/<group>/` by name, or any by its path.

    Raises:
        UserError: There is none; names the nearest.
    """
    if _is_file(name):
        if Path(name).is_file():
            return Path(name)
        raise UserError(f"{group}={name}: there is no such file.", "Give a name or the path of a YAML file.")
    names = options(group)
    if name not in names:
        kind = "study" if group == "ablation" else group
        raise UserError(f"{group}={name}: there is no such {kind}.", nearest(name, names))
    return EXPERIMENTS / group / f"{name}.yaml"


def read_study(name: str) -> DictConfig:
    """The study as written, interpolations untouched."""
    return read_mapping(study_file(name), "title, rows and reference, as in experiments/ablation/fiam.yaml")


def read_mapping(path: Path, example: str) -> DictConfig:
    """A YAML file that holds a mapping.

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


def _explain_hydra(error: Exception) -> UserError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OmegaConfBaseException):
            return explain(cause)
        cause = cause.__cause__
    return UserError(re.sub(r"\s+", " ", str(error)), "Look at `python -m bench.run --help` for the keys.")
