"""`key=value` arguments of every command, checked against a dataclass before anything starts."""

import dataclasses
import difflib
import math
import os
import re
import sys
from collections.abc import Iterable
from typing import Any, TypeVar, get_args, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError
from yaml import YAMLError

from bench.terminal.errors import UserError
from bench.terminal.paths import expand_paths

Schema = TypeVar("Schema")


def keys(schema: type) -> list[str]:
    """Every dotted key of a nested dataclass, sections before their keys."""
    return [key for key, _ in _kinds(schema)]


def texts(schema: type) -> set[str]:
    """The dotted keys that hold text, which is taken as it was typed."""
    return {key for key, kind in _kinds(schema) if kind in (str, str | None)}


def _kinds(schema: type, prefix: str = "") -> list[tuple[str, Any]]:
    """Every dotted key with its type."""
    found: list[tuple[str, Any]] = []
    hints = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        found.append((prefix + field.name, hints[field.name]))
        for kind in (hints[field.name], *get_args(hints[field.name])):
            if dataclasses.is_dataclass(kind):
                found += _kinds(kind, f"{prefix}{field.name}.")  # type: ignore[arg-type]
    return found


def dotted(values: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested mappings with their dotted keys."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        found += dotted(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy for a wrong name: the nearest other one, else all of them."""
    names = sorted({*known} - {word})
    near = difflib.get_close_matches(word, names, 1, 0.5)
    if not near and "." not in word:  # `epoch` for `recipe.epochs`: compare with the last part alone
        tails = {name.rsplit(".", 1)[-1]: name for name in names}
        near = [tails[tail] for tail in difflib.get_close_matches(word, tails, 1, 0.6)]
    if near:
        return f"Did you mean {near[0]}?"
    return "Known: " + ", ".join(names) + "."


def require_key(key: str, known: Iterable[str], where: str = "") -> None:
    """Raises UserError when a dotted key is none of those known, naming the nearest."""
    if key not in (known := list(known)):
        raise UserError(f"{where}{key}: there is no such key.", nearest(key, known))


def key_and_value(word: str) -> tuple[str, str]:
    """The two sides of `key=value`.

    Raises:
        UserError: Dashes before the key, no `=`, or spaces around it.
    """
    key, equals, value = word.partition("=")
    if word.startswith("-"):
        meant = f"{key.lstrip('-')}={value}" if equals else "key=value, and see --help for the keys"
        raise UserError(f"{word}: arguments are key=value, without dashes.", f"Write {meant}.")
    if not equals or not key or key != key.strip():
        raise UserError(
            f"{word}: arguments are key=value.",
            "Write key=value as one word, without spaces around =.",
        )
    return key, value


def positional(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Arguments without a key, their leading `~` expanded, and the others; `/data/a=b` is a path and has no key."""
    plain: list[str] = []
    keyed: list[str] = []
    for word in words:
        key, equals, _ = word.partition("=")
        has_key = word.startswith("-") or (equals and key.isidentifier())
        (keyed if has_key else plain).append(word)
    return [os.path.expanduser(word) for word in plain], keyed


def refuse_repeats(words: Iterable[str]) -> None:
    """Raises UserError when a key is given twice: which of the two was meant is not known."""
    given: dict[str, str] = {}
    for word in words:
        key = word.removeprefix("--").partition("=")[0]
        if key in given:
            raise UserError(f"{given[key]} and {word}: {key} is given twice.", "Give it once.")
        given[key] = word


def divide(words: Iterable[str], own: type, others: Iterable[str]) -> tuple[list[str], list[str]]:
    """Arguments of a command that has keys of its own beside those of the configuration.

    Args:
        words: As the shell gave them.
        own: Dataclass of the command's own keys.
        others: The configuration's keys and groups.

    Returns:
        The command's own arguments (flags among them), and the configuration's.

    Raises:
        UserError: A key that is neither, naming the nearest, or one that is given twice.
    """
    mine, rest = [], []
    known = [*keys(own), *others]
    for word in words:
        key = word.partition("=")[0]
        if word.startswith("-") or key in keys(own):
            mine.append(word)
        else:
            require_key(key_and_value(word)[0].lstrip("+~"), known)
            rest.append(word)
    refuse_repeats(rest)
    return mine, rest


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
        if "is not a ListConfig" in reason:
            reason, remedy = "a list is needed", f"Write '{key}=[...]'."
        elif "ListConfig" in reason or "DictConfig" in reason:
            reason, remedy = "one value is needed", f"Write {key}=..., without brackets."
        elif choice := re.search(r"Invalid value '(.*)', expected one of \[(.*)\]", reason):
            remedy = nearest(choice[1], choice[2].split(", "))
        return UserError(f"{where}{key or 'value'}: {reason.rstrip('.')}.", remedy)
    return UserError(f"{where}{key}: {reason}.", "Look at `--help` for the keys and their values.")


def parse(argv: list[str], schema: type[Schema], usage: str) -> Schema:
    """Reads `key=value` arguments into a dataclass; `--help` prints `usage` and exits 0.

    Args:
        argv: Arguments as the shell gave them. `--json` is short for `json=true`, likewise every boolean key.
            Texts are taken as they are, `null` is none, lists are YAML; a `~` before a path is the home folder.
        schema: Dataclass that names every key, its type and default.
        usage: What `--help` prints.

    Raises:
        UserError: Unknown key (names the nearest), a key given twice, missing `=`, or a value of the wrong type.
    """
    if {"-h", "--help"} & set(argv):
        print(usage.strip())
        sys.exit(0)
    refuse_repeats(argv)
    values = dict(_given(argument, schema) for argument in argv)
    typed = texts(schema)  # YAML would read the cell id 03488e481545 as a number
    try:
        given = OmegaConf.from_dotlist(
            [f"{key}={value}" for key, value in values.items() if key not in typed]
        )
        given.update(
            {key: None if values[key] == "null" else uninterpolated(values[key]) for key in typed & {*values}}
        )
        options: Schema = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), given))  # type: ignore[assignment]
        refuse_nested(options)
    except OmegaConfBaseException as error:
        raise explain(error) from None
    except YAMLError:
        raise UserError(
            f"{' '.join(argv)}: a bracket or quote in a value is not closed.",
            "A list is written 'key=[...]'.",
        ) from None
    expand_paths(options)
    for key in values:
        found = getattr(options, key, None)
        for number in found if isinstance(found, list) else [found]:
            if isinstance(number, float) and not math.isfinite(number):
                raise UserError(f"{key}={values[key]}: no finite number.", "Give a plain number.")
    return options


def refuse_nested(options: Any, prefix: str = "") -> None:
    """Raises UserError where a list or mapping of plain values holds another, which OmegaConf lets pass.

    Args:
        options: A dataclass of arguments.
        prefix: Of its keys.
    """
    hints = get_type_hints(type(options))
    for field in dataclasses.fields(options):
        key, value = f"{prefix}{field.name}", getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            refuse_nested(value, f"{key}.")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if Any in get_args(hints[field.name]):
            continue
        if odd := [each for each in inner if isinstance(each, list | dict)]:
            raise UserError(f"{key}: {odd[0]} is among its values.", "Give plain values; see --help.")


def uninterpolated(text: str) -> str:
    """Text that OmegaConf reads as just that, also where a folder's name has `${` in it."""
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", text)


def literal(value: Any) -> Any:
    """A stored value as OmegaConf is given it: what looks like an interpolation is part of a path."""
    if isinstance(value, dict):
        return {key: literal(each) for key, each in value.items()}
    return uninterpolated(value) if isinstance(value, str) else value


def _given(argument: str, schema: type) -> tuple[str, str]:
    """Key and value of one argument; `--json` is json=true."""
    flag = argument.removeprefix("--")
    key, value = (flag, "true") if flag != argument and "=" not in flag else key_and_value(argument)
    require_key(key, keys(schema))
    if flag == key and get_type_hints(schema)[key] is not bool:
        raise UserError(f"{argument}: a value is missing.", f"Write {key}=...")
    return key, value
