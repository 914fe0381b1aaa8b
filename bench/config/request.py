"""The arguments of a command, parsed once: which groups were chosen, which keys were given, what a recipe file says."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from bench.config.groups import GROUPS, options
from bench.config.schema import Config
from bench.config.yaml_files import is_yaml, named_file, read_mapping
from bench.terminal.arguments import (
    dotted,
    key_and_value,
    keys,
    nearest,
    require_key,
    texts,
    uninterpolated,
)
from bench.terminal.errors import UserError

KEYS = (*GROUPS, *keys(Config))
"""What can be given."""
TEXTS = texts(Config)
MAPPINGS = ("data.refer.rename",)
"""Keys whose values are mappings with names of the user's own."""


@dataclass(frozen=True)
class Request:
    """A command line, every key and group name of which exists.

    Values are in Hydra's grammar, but texts (paths, names, addresses), which are taken as they were typed.

    Attributes:
        overrides: As given, without `recipe=FILE`.
        recipe_file: What that file sets; the command line's own keys win.
    """

    overrides: tuple[Override, ...]
    recipe_file: tuple[Override, ...] = ()

    @classmethod
    def parse(cls, words: Iterable[str]) -> "Request":
        """Reads `key=value` arguments. Where a key is given twice, the last counts.

        Raises:
            UserError: Text that is no `key=value` in Hydra's grammar, or a key, group name or recipe file that does
                not exist.
        """
        overrides: list[Override] = []
        recipe_file: tuple[Override, ...] = ()
        for word in words:
            key, value = key_and_value(word)
            if key == "recipe" and is_yaml(name := os.path.expanduser(_unquoted(value))):
                recipe_file = tuple(_recipe_overrides(name))
            else:
                override = _parsed(key, value)
                _check(override)
                overrides.append(override)
        return cls(tuple(overrides), recipe_file)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys and groups that were given, in their order."""
        return tuple(override.key_or_group for override in self.overrides)

    def value(self, key: str) -> Any:
        """What was given last for a key or group; None where nothing was."""
        given = [override for override in self.overrides if override.key_or_group == key]
        return given[-1].value() if given else None

    def words(self, without: Iterable[str] = ()) -> list[str]:
        """The arguments in Hydra's grammar, the recipe file's spelled out first, some keys and groups left out."""
        left_out = set(without)
        overrides = [*(() if "recipe" in left_out else self.recipe_file), *self.overrides]
        return [_line(each) for each in overrides if each.key_or_group not in left_out]

    def on_data(self, name: str) -> "Request":
        """The same request on the data set that is called `name`."""
        choice = _parsed("data", name)
        _check(choice)
        return replace(self, overrides=(choice, *self.overrides))


def check_choice(group: str, value: str, where: str = "") -> None:
    """Refuses a name that a group does not have; names the nearest.

    Raises:
        UserError: With `where` (file and row) before it.
    """
    if value not in (names := options(group)):
        raise UserError(f"{where}{group}={value}: there is no such {group}.", nearest(value, names))


def _line(override: Override) -> str:
    """An argument as Hydra takes it: to a mapping of the user's own names it has to be told to add them."""
    return f"{'++' * (override.key_or_group in MAPPINGS)}{override.input_line}"


def _parsed(key: str, value: str) -> Override:
    """One argument; a text that is not `null` becomes a quoted one, whatever signs are in it."""
    if key in TEXTS and value != "null":
        value = _quoted(uninterpolated(_unquoted(value)))
    try:
        (override,) = OverridesParser.create().parse_overrides([f"{key}={value}"])
    except HydraException:
        raise UserError(
            f"{key}={value}: this value is not in Hydra's grammar.",
            f"A list is written '{key}=[1,2]', a mapping '{key}={{name: 1}}'.",
        ) from None
    return override


def _quoted(text: str) -> str:
    """Text as a string of Hydra's grammar: backslashes count only before a quote."""
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text) + "'"


def _unquoted(text: str) -> str:
    """Text without the quotes of Hydra's grammar, where it is quoted as a whole."""
    if text[:1] not in ("'", '"'):
        return text
    try:
        value = OverridesParser.create().parse_rule(text, "primitive")
    except HydraException:
        return text
    return value.text if isinstance(value, QuotedString) else text


def _check(override: Override, where: str = "") -> None:
    """Refuses keys and group names that do not exist, before anything is composed."""
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
    if key in GROUPS:
        check_choice(key, str(override.value()), where)
    else:
        require_key(key, KEYS, where)


def _recipe_overrides(name: str) -> Sequence[Override]:
    """The keys of a recipe file (as `bench.tune` writes it); JSON is a part of Hydra's grammar.

    Raises:
        UserError: No such file, or keys that are no recipe's or model's.
    """
    values = OmegaConf.to_container(read_mapping(named_file("recipe", name), "recipe: {lr: 1.0e-4}"))
    found = [
        _parsed(
            key, value if key in TEXTS and isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )
        for key, value in dotted(values)
    ]
    for override in found:
        key = override.key_or_group
        if not key.startswith(("recipe.", "model.")):
            raise UserError(
                f"{name}: {key}: a recipe file holds `recipe:` and `model:`.",
                "For example recipe: {lr: 1.0e-4}.",
            )
        _check(override, f"{name}: ")
    return found
