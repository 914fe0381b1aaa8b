"""The one exception for mistakes a user can mend, and how the command lines show it."""

import functools
import sys
from collections.abc import Callable


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
    """One sample cannot be read (a damaged mask or image); the audit turns it into a finding."""


def command(main: Callable[[list[str]], int]) -> Callable[[], int]:
    """Turns `main(argv) -> exit code` into a command line: user errors are two lines on stderr and exit code 2."""

    @functools.wraps(main)
    def run() -> int:
        try:
            return main(sys.argv[1:])
        except UserError as error:
            print(error, file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("Interrupted. Everything done so far is kept; the same command goes on from there.", file=sys.stderr)
            return 130

    return run
