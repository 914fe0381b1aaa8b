"""The store: what is planned, running and done, as files; they are the truth, MLflow and reports are made from them.

    <root>/cells/<id>/           what `cell` knows
    <root>/studies/<name>.json   <root>/plans/<name>/   (the plan, and those before it that named other cells)

This module knows files and nothing else; it imports no torch.
"""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any, TypeGuard

from bench.storage import files
from bench.storage.cell import Cell, Record, mapping
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import UserError


class Store:
    """A folder of cells and studies.

    Args:
        root: Where the store lies; created on first write.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @property
    def words(self) -> list[str]:
        """What a command is told to find this store; nothing where it looks anyway."""
        return [] if self.root == Path("runs") else [word("store", self.root)]

    def cell(self, cell_id: str) -> Cell:
        """The cell's folder, whether or not it exists yet."""
        return Cell(self.root / "cells" / cell_id)

    def cells(self) -> list[Cell]:
        """Every cell ever planned in this store, by id."""
        return [Cell(path.parent) for path in sorted((self.root / "cells").glob("*/cell.json"))]

    def plan(self, cell_id: str, identity: Record, config: Record) -> Cell:
        """Makes a cell known; one that is not done takes the newest paths and worker counts."""
        cell = self.cell(cell_id)
        known = cell.description()
        if known.get("config") != config and not (known and cell.done):
            cell.write("cell", {"id": cell_id, "identity": identity, "config": config})
        if not known and cell.state()["state"] == "missing":
            cell.update_state(state="planned", attempt=0)
        return cell

    def studies(self) -> list[str]:
        """Names of the studies planned in this store."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def search(self, study: str) -> Path | None:
        """Folder of the search whose trials a study's rows are; None for any other study."""
        name = study.removeprefix("tune-")
        folder = self.root / "tune" / name
        return folder if name != study and (folder / "tune.json").is_file() else None

    def write_study(self, study: Record) -> None:
        """Writes the plan of a study: rows, labels, cell ids.

        The plan before stays known where it names other cells. Those that differ in nothing but their seed from the
        new plan's, in the same row and on the same data set, go on counting to the study: `earlier` of their row.
        """
        path = self.root / "studies" / f"{study['name']}.json"
        with files.locked(self.root / "plans" / "lock"):
            before, named = files.read_json(path), _ids(study)
            if _is_study(before) and not _ids(before) <= named:
                digest = hashlib.sha256(" ".join(sorted(_ids(before))).encode()).hexdigest()[:12]
                files.write_json(self.root / "plans" / study["name"] / f"{digest}.json", before)
            files.write_json(path, study | {"rows": self._with_earlier(study)})

    def _with_earlier(self, study: Record) -> list[Record]:
        named, before = _ids(study), self._earlier_plans(study["name"])
        rows = []
        for row in study["rows"]:
            known = [each for plan in before for each in plan["rows"] if each["key"] == row["key"]]
            cells = {cell["id"]: cell for each in known for cell in each["cells"] if cell["id"] not in named}
            alike = {(cell.get("dataset"), self._settings(cell)) for cell in row["cells"]} if cells else set()
            earlier = [
                cell
                for cell in cells.values()
                if (found := self._settings(cell)) and (cell.get("dataset"), found) in alike
            ]
            rows.append(row | {"earlier": earlier} if earlier else row)
        return rows

    def _settings(self, planned: Record) -> str:
        """What a cell is but for its seed; empty where that is not known."""
        identity = mapping(self.cell(planned["id"]).description().get("identity"))
        rest = {key: value for key, value in identity.items() if key != "seed"}
        return json.dumps(rest, sort_keys=True) if rest else ""

    def _earlier_plans(self, name: str) -> list[Record]:
        """Plans of a study that a later one replaced.

        Raises:
            UserError: The file of one is damaged.
        """
        plans = []
        for path in sorted((self.root / "plans" / name).glob("*.json")):
            plan = files.read_json(path)
            if not _is_study(plan):
                raise UserError(
                    f"{path}: the file is damaged, it holds no plan.",
                    "Delete it, and run the study again as it was then: its cells are found by their content.",
                )
            plans.append(plan)
        return plans

    def planned(self) -> set[str]:
        """Ids of all cells that a study's plan names, or ever named."""
        replaced = {path.parent.name for path in (self.root / "plans").glob("*/*.json")}
        plans = [self._read_study(name) for name in self.studies()]
        plans += [plan for name in replaced for plan in self._earlier_plans(name)]
        return set().union(*map(_ids, plans))

    def everything(self, name: str) -> Record:
        """A study with the cells and rows of all its plans, the last plan's first.

        Raises:
            UserError: As `study`.
        """
        study = self._read_study(name)
        rows = {row["key"]: row | {"cells": list(row["cells"])} for row in study["rows"]}
        known = _ids(study)
        for plan in self._earlier_plans(name):
            for row in plan["rows"]:
                cells = rows.setdefault(row["key"], row | {"cells": []})["cells"]
                cells += [cell for cell in row["cells"] if cell["id"] not in known]
            known |= _ids(plan)
        return study | {"rows": list(rows.values())}

    def study(self, name: str, *, begun: bool = False) -> Record:
        """The plan of a study, with the finished cells of earlier plans that differ in their seed alone.

        Args:
            name: The study.
            begun: Whether to take those too that are trained, or were submitted to a cluster; marked `earlier`.

        Raises:
            UserError: No study of that name was ever planned here, or its file is damaged.
        """
        study = self._read_study(name)
        rows = []
        for row in study["rows"]:
            added = []
            for planned in row.get("earlier", ()):
                cell = self.cell(planned["id"])
                if cell.done or (begun and (cell.job() or cell.locked())):
                    added.append(planned if cell.done else planned | {"earlier": True})
            row = {key: value for key, value in row.items() if key != "earlier"}
            if added:
                row["cells"] = sorted([*row["cells"], *added], key=lambda cell: cell.get("seed", 0))
            rows.append(row)
        seeds = [
            *study.get("seeds", ()),
            *(cell["seed"] for row in rows for cell in row["cells"] if "seed" in cell),
        ]
        return study | {"rows": rows, "seeds": list(dict.fromkeys(seeds))}

    def _read_study(self, name: str) -> Record:
        path = self.root / "studies" / f"{name}.json"
        study = files.read_json(path)
        if path.exists() and not _is_study(study):
            raise UserError(
                f"{path}: the file is damaged, it holds no plan.",
                f"Run the study again (`{self._run(name)}`): what is done is not trained again.",
            )
        if study is None:
            near = difflib.get_close_matches(name, self.studies(), 1)
            known = (
                f"did you mean {near[0]}?" if near else f"it holds: {', '.join(self.studies()) or 'none'}."
            )
            raise UserError(
                f"ablation={name}: the store {self.root} holds no such study; {known}",
                f"Run `{self._run(name)}` first, or pass store=DIR.",
            )
        return study

    def _run(self, name: str) -> str:
        return command_line("bench.run", f"ablation={name}", *self.words)


def _is_study(study: Any) -> TypeGuard[Record]:
    rows = study.get("rows") if isinstance(study, dict) else None
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and isinstance(row.get("key"), str)
        and isinstance(row.get("cells"), list)
        and all(isinstance(cell, dict) and isinstance(cell.get("id"), str) for cell in row["cells"])
        for row in rows
    )


def _ids(study: Record) -> set[str]:
    return {cell["id"] for row in study["rows"] for cell in row["cells"]}
