"""What a data set calls itself: sets of `bench.refer` have a name that tables and figures show. Imports no torch."""

from dataclasses import replace
from pathlib import Path

from bench.config.schema import DataConfig, Layout
from bench.storage import files

STAMP = "refer.json"
"""File in a set's folder that says how the set was made, and its name."""


def with_own_name(data: DataConfig) -> DataConfig:
    """The set under the name it gives itself, unless it gives none or `data.name` says another than its layout's."""
    if data.name != Layout(data.layout):
        return data
    stamp = files.read_json(Path(data.root) / STAMP)
    name = stamp.get("name") if isinstance(stamp, dict) else None
    return replace(data, name=name) if isinstance(name, str) and name else data
