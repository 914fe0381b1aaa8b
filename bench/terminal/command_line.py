"""Commands as they are shown to people: pasted into a shell, they do what they say."""

import shlex
from pathlib import Path


def command_line(module: str, *words: str) -> str:
    """A command as it is typed, quoted for bash and zsh.

    Args:
        module: What `python -m` runs.
        words: Its arguments as the command is to get them; values that a user gave come from `word`.
    """
    return shlex.join(["python", "-m", module, *words])


def word(key: str, value: str | Path) -> str:
    """`key=value` that every command reads as this path, name or address.

    Values are read as they are typed, but for a `~`, quotes around the whole and `null`: a path that looks so is
    shown with `./` before it.
    """
    text = str(value)
    special = text[:1] in ("~", "'", '"') or text == "null"
    return f"{key}=./{text}" if special else f"{key}={text}"


def changed(command: str, key: str, value: object) -> str:
    """A command line with another value for one key."""
    words = [each for each in shlex.split(command) if not each.startswith(f"{key}=")]
    return shlex.join([*words, f"{key}={value}"])
