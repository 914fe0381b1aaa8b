"""`key=value` arguments of every command, checked against a dataclass before anything starts."""

import dataclasses
import difflib
import math
import re
import sys
from collections.abc import Iterable
from typing import Any, TypeVar, get_args, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError
from yaml import YAMLError

from bench.terminal.errors import UserError

Schema = TypeVar("Schema")


def keys(schema: type, prefix: str = "") -> list[str]:
    """Every dotted key of a nested dataclass, sections before their keys."""
    found = []
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        found.append(prefix + field.name)
        for kind in (hints[field.name], *get_args(hints[field.name])):
            if dataclasses.is_dataclass(kind):
                found += keys(kind, f"{prefix}{field.name}.")  # type: ignore[arg-type]
    return found


def dotted(values: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested mappings with their dotted keys."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        found += dotted(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy for a wrong name: the nearest right one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1, 0.5)
    if not near and "." not in word:  # `epoch` for `recipe.epochs`: compare with the last part alone
        tails = {name.rsplit(".", 1)[-1]: name for name in names}
        near = [tails[tail] for tail in difflib.get_close_matches(word, tails, 1, 0.6)]
    if near:
        return f"Did you mean {near[0]}?"
    return "Known: " + ", ".join(names) + "."


def require_key(key: str, schema: type, where: str = "") -> None:
    """Raises UserError when the schema has no such dotted key, naming the nearest."""
    known = keys(schema)
    if key not in known:
        raise UserError(f"{where}{key}: there is no such key.", nearest(key, known))


def explain(error: OmegaConfBaseException, source: str = "") -> UserError:
    """OmegaConf's error as two lines for people: which key, what is wrong."""
    key = str(getattr(error, "full_key", "") or "")
    reason = str(error).splitlines()[0]
    where = f"{source}: " if source else ""
    if isinstance(error, ConfigKeyError):
        schema = getattr(error, "parent_node", None)
        known = list(schema) if isinstance(schema, DictConfig) else []
        return UserError(
            f"{where}{key}: there is no such key.", nearest(key.rsplit(".", 1)[-1], known) if known else ""
        )
    if isinstance(error, ValidationError):
        remedy = "Give a value of that kind; see --help."
        if "ListConfig" in reason:
            reason, remedy = "a list is needed", f"Write {key}=[...]."
        elif choice := re.search(r"Invalid value '(.*)', expected one of \[(.*)\]", reason):
            remedy = nearest(choice[1], choice[2].split(", "))
        return UserError(f"{where}{key or 'value'}: {reason.rstrip('.')}.", remedy)
    return UserError(f"{where}{key}: {reason}.", "Look at `--help` for the keys and their values.")


def parse(argv: list[str], schema: type[Schema], usage: str) -> Schema:
    """Reads `key=value` arguments into a dataclass; `--help` prints `usage` and exits 0.

    Args:
        argv: Arguments as the shell gave them. `--json` is short for `json=true`, likewise every boolean key.
        schema: Dataclass that names every key, its type and default.
        usage: What `--help` prints.

    Raises:
        UserError: Unknown key (names the nearest), missing `=`, or a value of the wrong type.
    """
    if {"-h", "--help"} & set(argv):
        print(usage.strip())
        sys.exit(0)
    values: dict[str, Any] = {}
    for argument in argv:
        key, equals, value = argument.removeprefix("--").partition("=")
        if not equals:
            if not argument.startswith("--"):
                raise UserError(
                    f"{argument}: arguments are key=value.", f"For example: {keys(schema)[0]}=..."
                )
            value = "true"
        require_key(key, schema)
        values[key] = value
    hints = get_type_hints(schema)
    # YAML would read the cell id 03488e481545 as a number
    texts = {key: value for key, value in values.items() if hints.get(key) in (str, str | None)}
    try:
        given = OmegaConf.from_dotlist(
            [f"{key}={value}" for key, value in values.items() if key not in texts]
        )
        given.update({key: None if value == "null" else value for key, value in texts.items()})
        options: Schema = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), given))  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise explain(error) from None
    except YAMLError:
        raise UserError(
            f"{' '.join(argv)}: a bracket or quote in a value is not closed.", "A list is written key=[...]."
        ) from None
    for key in values:
        found = getattr(options, key, None)
        for number in found if isinstance(found, list) else [found]:
            if isinstance(number, float) and not math.isfinite(number):
                raise UserError(f"{key}={values[key]}: no finite number.", "Give a plain number.")
    return options
