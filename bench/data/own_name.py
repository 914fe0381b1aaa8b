"""What a data set calls itself: tables and figures show it. Imports no torch."""

from dataclasses import replace
from pathlib import Path

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.storage import files

STAMP = "refer.json"
"""File in a set's folder that says how the set was made, and its name."""


def with_own_name(data: DataConfig) -> DataConfig:
    """The set under its own name, unless it has none or `data.name` says another than its layout's."""
    name = _own_name(data) if data.name == Layout(data.layout) else ""
    return replace(data, name=name) if name else data


def _own_name(data: DataConfig) -> str:
    """The name of its table, its COCO file or its folder, or the one that `bench.refer` wrote into it."""
    match data.layout:
        case Layout.manifest:
            return Path(data.file or "").stem
        case Layout.coco:
            return data.refer.name or Path(data.coco or "").stem
        case Layout.refcoco:
            return Path(data.root).resolve().name
    stamp = files.read_json(Path(data.root) / STAMP)
    name = stamp.get("name") if isinstance(stamp, dict) else None
    return name if isinstance(name, str) else ""
