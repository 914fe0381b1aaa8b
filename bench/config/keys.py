"""`python -m bench.run --keys`: every key of the configuration, what it is now, and what it means.

What keys mean is written once, as comments of the schema, and read from there.
"""

import ast
import dataclasses
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_type_hints

from bench.config import schema
from bench.config.compose import configuration
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        name: As it is typed, with its groups.
        value: As it is typed.
        choices: What it may be, where that is one of a few names.
        meaning: In words; empty where the name says it.
    """

    name: str
    value: str
    choices: tuple[str, ...]
    meaning: str


def printed(words: list[str]) -> str:
    """What `--keys` and `--keys=markdown` answer.

    Args:
        words: Of the command line, these two among them.

    Raises:
        UserError: The arguments are wrong, or there are some beside `--keys=markdown`, whose page knows none.
    """
    others = [word for word in words if word != "--keys=markdown"]
    if others == words:
        return text([word for word in words if word != "--keys"])
    if others:
        shown = command_line("bench.run", *dict.fromkeys(["--keys", *others]))
        raise UserError(
            f"--keys=markdown stands alone, without {others[0]}: its page is that of a command without arguments.",
            f"`{shown}` lists the keys as they are with these.",
        )
    return page().removesuffix("\n")


def groups(words: list[str]) -> Iterator[tuple[str, str, list[Key]]]:
    """Each group's name, what it is, and its keys.

    Args:
        words: `key=value` arguments; values are what these make of them.

    Raises:
        UserError: They are wrong.
    """
    comments = _comments()
    yield from _group("", configuration(words), comments)


def _group(
    prefix: str, options: Any, comments: dict[tuple[str, str], str]
) -> Iterator[tuple[str, str, list[Key]]]:
    kind = type(options)
    hints = get_type_hints(kind)
    own, inner = [], []
    for field in dataclasses.fields(options):
        value, name = getattr(options, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            inner.append((f"{name}.", value))
        else:
            meaning = comments.get((kind.__name__, field.name), "")
            own.append(Key(name, _typed(value), _choices(hints[field.name]), meaning))
    if own:
        said = (kind.__doc__ or "").strip().splitlines()[0]
        yield prefix.rstrip("."), said, own
    for name, value in inner:
        yield from _group(name, value, comments)


def _typed(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return value or "''"
    return json.dumps(value, default=str).replace('"', "").replace(", ", ",")


def _choices(hint: Any) -> tuple[str, ...]:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(
        str(each.value)
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Enum)
        for each in kind
    )


def _comments() -> dict[tuple[str, str], str]:
    """Class and field to the comment beside the field, or else on the lines above it."""
    source = inspect.getsource(schema)
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                first, last = part.lineno - 1, part.end_lineno or part.lineno
                beside = [_comment(line) for line in lines[first:last]]
                above: list[str] = []
                while (line := lines[first - 1 - len(above)].strip()).startswith("#"):
                    above.insert(0, line.removeprefix("#").strip())
                said = [*above, *beside]
                found[node.name, part.target.id] = " ".join(filter(None, said))
    return found


def _comment(line: str) -> str:
    code, mark, said = line.rpartition("  # ")
    return said.strip() if mark and code.strip() else ""


def text(words: list[str]) -> str:
    """All keys, one a line, for a terminal."""
    parts = [
        "Every key of `python -m bench.run`, as it stands with the arguments beside --keys, and what it means.\n"
        "  python -m bench.run --keys scale=paper data=rrsisd"
    ]
    for name, said, keys in groups(words):
        width = min(44, max(len(key.name) + len(key.value) + 1 for key in keys))
        rows = [f"  {f'{key.name}={key.value}':<{width}}  {_said(key)}".rstrip() for key in keys]
        parts.append("\n".join([f"{name or 'the command itself'}: {said}", *rows]))
    return "\n\n".join(parts)


def page() -> str:
    """All keys as a page of the docs."""
    parts = [
        "# Every key\n\nWritten by `python -m bench.run --keys=markdown > docs/keys.md` from the comments of "
        "`bench/config/schema.py`. Values are those of a command without arguments (`scale=tiny`, drawn scenes); "
        "`python -m bench.run --keys scale=paper data=rrsisd` shows them for others.\n"
    ]
    for name, said, keys in groups([]):
        rows = [f"| `{key.name}` | {_code(key.value)} | {_cell(_said(key))} |" for key in keys]
        head = f"## {f'`{name}`' if name else 'The command itself'}\n\n{said}\n"
        parts.append("\n".join([head, "| key | value | meaning |", "|---|---|---|", *rows, ""]))
    return "\n".join(parts)


def _said(key: Key) -> str:
    choices = f"one of {', '.join(key.choices)}" if key.choices else ""
    return "; ".join(filter(None, (key.meaning, choices)))


def _code(value: str) -> str:
    return f"`{_cell(value)}`"


def _cell(said: str) -> str:
    return said.replace("|", "\\|")
