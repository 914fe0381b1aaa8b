"""Unpickles plain Python values, and nothing that a downloaded file would have called. Imports no torch."""

import pickle
import struct
from pathlib import Path
from typing import Any

from bench.terminal.errors import UserError

PLAIN_TYPES = (
    "bool",
    "bytearray",
    "bytes",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "set",
    "str",
    "tuple",
)
# NumPy's numbers and what they are to `struct`
NUMBERS = {
    "b1": "?",
    "i1": "b",
    "i2": "h",
    "i4": "i",
    "i8": "q",
    "u1": "B",
    "u2": "H",
    "u4": "I",
    "u8": "Q",
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
SCALAR_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")


class _Kind:
    """Stands for a NumPy dtype in a pickle: which number, and its order of bytes."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = "<" if state[1] == "|" else state[1]


def _dtype(code: Any, *_: Any) -> _Kind:
    if code not in NUMBERS:
        raise pickle.UnpicklingError(f"it holds NumPy values of kind {code!r}; only numbers are allowed")
    return _Kind(code)


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("it holds bytes in an odd form")
    return text.encode("latin-1")


def _scalar(kind: Any, content: Any) -> Any:
    """A NumPy number as Python's own."""
    if not isinstance(kind, _Kind) or not isinstance(content, bytes | str) or kind.order not in ("<", ">"):
        raise pickle.UnpicklingError("it holds NumPy values that are no numbers")
    raw = content if isinstance(content, bytes) else content.encode("latin-1")
    return struct.unpack(kind.order + NUMBERS[kind.code], raw)[0]


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles Python's plain types, and NumPy's numbers as such: nothing a downloaded file names is called."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("builtins", "__builtin__") and name in PLAIN_TYPES:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):  # how older protocols write bytes
            return _bytes
        if (module, name) == ("numpy", "dtype"):
            return _dtype
        if module in SCALAR_MODULES and name == "scalar":
            return _scalar
        raise pickle.UnpicklingError(f"it asks for {module}.{name}; only plain Python values are allowed")


def load_plain_pickle(path: Path, wanted: str = "") -> Any:
    """The value in a pickle of plain Python types.

    Args:
        path: The file.
        wanted: What to do where it is missing.

    Raises:
        UserError: The file is missing, damaged, or asks for anything but plain types (which is not run).
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file, encoding="utf-8", errors="replace").load()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file.", wanted) from None
    except Exception as error:  # damaged pickles raise nearly anything
        what = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: refused: {what}.", "Fetch the file again; do not use it elsewhere either."
        ) from None
