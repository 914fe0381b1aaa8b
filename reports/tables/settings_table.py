"""The table of how the rows were trained."""

from dataclasses import replace
from typing import Any

from bench.storage.cell import Record
from bench.storage.store import Store
from reports.statistics.frame import StudyFrame
from reports.tables.grid import Column, Grid, Line, Note, Panel, TableCell
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
        other: dict[str, list[str]] = {}
        for name, value in values.items():
            if value != usual:
                other.setdefault(value, []).append(name)
        differ = "; ".join(f"{', '.join(names)}: {value}" for value, names in other.items())
        lines.append(Line(key, (TableCell(key), TableCell(usual), TableCell(plain(differ)))))
    columns = (Column("Setting"), Column("Value"), Column("Rows that differ", wraps=True))
    return side_grid(frame, "settings", "settings", columns, [Panel("", "", tuple(lines))], [])


def condensed(settings: Grid) -> tuple[Grid | None, Grid | None]:
    """The table of settings in two for print, each None where it would be empty.

    The first has only what differs between rows. The second, `-shared` for `-settings`, has what they share, a line
    a part: `recipe`, and behind it all its keys and values.
    """
    lines = [*settings.lines()]
    differing = tuple(line for line in lines if len(line.cells) > 2 and line.cells[2].text)
    shared: dict[str, list[str]] = {}
    for line in lines:
        if line not in differing:
            part, _, key = line.key.rpartition(".")
            shared.setdefault(part, []).append(f"{key} {line.cells[1].text}")
    name, title = settings.name.removesuffix("-settings"), settings.title.removesuffix(": settings")
    texts = {part: "; ".join(said) for part, said in shared.items()}
    parts = tuple(Line(part, (TableCell(part), TableCell(text))) for part, text in texts.items())
    differ = replace(
        settings,
        title=f"{title}: what differs between rows",
        panels=(Panel("", "", differing),),
        notes=(*settings.notes, Note("All other settings are the same in every row.")),
    )
    same = replace(
        settings,
        name=f"{name}-shared",
        title=f"{title}: settings of all rows",
        columns=(Column("Part"), Column("Settings", wraps=True)),
        panels=(Panel("", "", parts),),
    )
    return differ if differing else None, same if parts else None


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
