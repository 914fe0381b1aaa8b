"""The one exception for mistakes a user can mend, and how the command lines show it."""

import functools
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path


class UserError(Exception):
    """A request, file or value that the user can mend.

    Args:
        what: One line naming the file, line or key and what is wrong with it.
        remedy: One line saying what to do about it.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what}\n{remedy}".strip())
        self.what = what
        self.remedy = remedy


class DataError(Exception):
    """One image or mask cannot be read; the audit turns it into a finding.

    Args:
        reason: What is wrong with it.
        path: Its file; None for a mask that lies among others.
    """

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return self.reason if self.path is None else f"{self.path}: {self.reason}"


def one_line(error: BaseException) -> str:
    """What went wrong, in one line: for records that tables show."""
    said = error.what if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return (said.splitlines() or [""])[0]


def command(main: Callable[[list[str]], int]) -> Callable[[], int]:
    """Turns `main(argv) -> exit code` into a command line: user errors are two lines on stderr and exit code 2.

    So are images, masks and files that cannot be read or written. What a terminal's encoding lacks is printed escaped.
    """

    @functools.wraps(main)
    def run() -> int:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # as Python has it for stderr
        try:
            return main(sys.argv[1:])
        except UserError as error:
            print(error, file=sys.stderr)
            return 2
        except DataError as error:
            print(f"{error}.", file=sys.stderr)
            print(
                "Mend the file, or fetch it again; `python -m bench.check` finds all such files.",
                file=sys.stderr,
            )
            return 2
        except BrokenPipeError:  # `| head` has seen enough; the interpreter must not flush into it at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except OSError as error:
            if error.filename is None:
                raise
            print(f"{error.filename}: {error.strerror}.", file=sys.stderr)
            print("Look at the path, its permissions and the space left on its disk.", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(
                "Interrupted. What is finished is kept. To finish the rest, run the same command again.",
                file=sys.stderr,
            )
            return 130

    return run
