"""What a study expects of its rows, written as `full > pwam on mIoU by 1.0`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.storage.metrics import NAMES
from bench.terminal.arguments import nearest
from bench.terminal.errors import UserError

_GRAMMAR = re.compile(r"(\S+) > (\S+) on (\S+)(?: by (\d+(?:\.\d+)?))?")
_REMEDY = (
    'Write "ROW > ROW on METRIC" or "ROW > ROW on METRIC by POINTS", as in "full > pwam on mIoU by 1.0".'
)


@dataclass(frozen=True)
class Expectation:
    """Row `better` beats row `base` on a metric by more than `margin` points on test."""

    text: str
    better: str
    base: str
    metric: str
    margin: float = 0.0


def parse_expectation(text: str, rows: Sequence[str], source: str) -> Expectation:
    """Reads one expectation of a study.

    Args:
        text: As written in the YAML.
        rows: Keys of the study's rows.
        source: File and key, for error messages.

    Raises:
        UserError: Another grammar, a row that does not exist, or no metric.
    """
    found = _GRAMMAR.fullmatch(" ".join(text.split()))
    if not found:
        raise UserError(f"{source}: {text!r} is no expectation.", _REMEDY)
    better, base, metric, margin = found.groups()
    for row in (better, base):
        if row not in rows:
            raise UserError(f"{source}: {text!r}: {row} is no row.", nearest(row, rows))
    if metric not in NAMES:
        raise UserError(f"{source}: {text!r}: {metric} is no metric.", nearest(metric, NAMES))
    return Expectation(text, better, base, metric, float(margin or 0))
