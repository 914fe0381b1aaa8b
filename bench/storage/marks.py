"""Folders that a command writes to: nothing in them is replaced that the command did not write itself."""

from collections.abc import Iterable
from pathlib import Path

from bench.terminal.errors import UserError


def refuse_foreign(out: Path, names: Iterable[str], *, mine: bool) -> None:
    """Refuses a folder that holds what would be replaced, and not the mark of the command that asks.

    Args:
        out: The folder; it need not be there.
        names: What would be replaced in it; empty folders are no loss.
        mine: Whether the mark was found.

    Raises:
        UserError: Naming the first file that would be lost.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"out={out}: is a file.", "Pass out=DIR of a new folder.")
    if mine:
        return
    for name in names:
        path = out / name
        if path.is_dir() and not any(path.iterdir()):
            continue
        if path.exists():
            raise UserError(
                f"out={out}: holds {name}, which this command did not write, and would replace it.",
                "Pass out=DIR of a new folder, or move yours away.",
            )
