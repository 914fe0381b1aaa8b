"""The table of how the rows were trained."""

from typing import Any

from bench.storage.cell import Record
from bench.storage.store import Store
from reports.statistics.frame import StudyFrame
from reports.tables.grid import Column, Grid, Line, Panel, TableCell
from reports.tables.side_table import side_grid
from reports.text.escape import plain

SECTIONS = ("model", "recipe", "protocol")
LEFT_OUT = (
    "published",
    "also",
)  # choices of others; the main table's panels say which further sets there are


def settings_grid(store: Store, frame: StudyFrame) -> Grid | None:
    """Every setting: what most rows use, and the rows that differ; None before anything was planned."""
    configs: dict[str, Record] = {}
    for dataset in frame.datasets:
        for row in frame.rows_on(dataset):
            table = frame.results
            ids = table.loc[(table["row"] == row.key) & (table["dataset"] == dataset), "cell"]
            cell = store.cell(str(ids.iloc[0]))
            config = cell.config()
            if config:
                name = row.label if len(frame.datasets) == 1 else f"{row.label} on {dataset}"
                configs[name] = _flat({section: config.get(section, {}) for section in SECTIONS})
                configs[name]["recipe.precision"] = cell.precision()
    if not configs:
        return None
    lines = []
    for key in dict.fromkeys(key for config in configs.values() for key in config):
        values = {name: config.get(key, "") for name, config in configs.items()}
        usual = max(values.values(), key=list(values.values()).count)
        other = "; ".join(f"{name}: {value}" for name, value in values.items() if value != usual)
        lines.append(Line(key, (TableCell(key), TableCell(usual), TableCell(plain(other)))))
    columns = (Column("Setting"), Column("Value"), Column("Rows that differ", wraps=True))
    return side_grid(frame, "settings", "settings", columns, [Panel("", "", tuple(lines))], [])


def _flat(value: Record, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, each in value.items():
        if key in LEFT_OUT:
            continue
        found |= (
            _flat(each, f"{prefix}{key}.") if isinstance(each, dict) else {prefix + key: plain(_said(each))}
        )
    return found


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
