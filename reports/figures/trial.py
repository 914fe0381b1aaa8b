"""A trial of a hyper-parameter search, as its figures are given it. Imports nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: Its place in the order trials were begun.
        state: finished, given up, failed, running or waiting.
        value: Its score on val, percent; None where it has none.
        params: The searched keys and the values it tried.
        logarithmic: The keys that are searched on a logarithmic scale.
    """

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    logarithmic: frozenset[str] = frozenset()
