"""What a command says, and with which exit code, when something is wrong."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.terminal.errors import DataError, UserError, command


def _raises(error: Exception) -> Callable[[list[str]], int]:
    def main(argv: list[str]) -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("a=1: is wrong.", "Pass a=2."), "a=1: is wrong.\nPass a=2.\n"),
        (DataError("image file is truncated", Path("a.jpg")), "a.jpg: image file is truncated.\nMend"),
        (FileNotFoundError(2, "No such file", "a.txt"), "a.txt: No such file.\nLook"),
    ],
)
def test_what_can_be_mended_is_two_lines_and_exit_code_2(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(_raises(error))() == 2
    printed = capsys.readouterr().err
    assert printed.startswith(said)
    assert printed.count("\n") == 2


def test_what_the_terminal_cannot_show_is_printed_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert command(lambda argv: print("a ship → \ud83d") or 0)() == 0  # type: ignore[func-returns-value]
    assert written.getvalue().strip() == rb"a ship \u2192 \ud83d"
