"""The store: what is planned, running and done, as files; they are the truth, MLflow and reports are made from them.

    <root>/cells/<id>/   cell.json  state.json  history.jsonl  metrics.json  samples.parquet  env.json  log.txt
                         checkpoints/  figures/  previews/
    <root>/studies/<name>.json   <root>/plans/<name>/   (the plan, and those before it that named other cells)

`metrics.json` is written last, and alone means *done*. This module knows files and nothing else; it imports no torch.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from bench.storage import files
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Record = dict[str, Any]
GIVEN_UP = "not submitted again"  # in the cause of a cell whose jobs died too often for one cause


class Cell:
    """The folder of one cell: row x data set x seed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @property
    def checkpoints(self) -> Path:
        """Folder of resumable states and the best model."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What the training process printed."""
        return self.path / "log.txt"

    def description(self) -> Record:
        """`cell.json`: id, identity, full config; empty if never planned."""
        return self._read("cell")

    def config(self) -> Record:
        """The full resolved configuration the cell was planned with."""
        return _mapping(self.description().get("config"))

    def metrics(self) -> Record | None:
        """`metrics.json`, or None while the cell is not done: there is none, or it holds no scores."""
        metrics = self._read("metrics")
        return metrics if _scored(metrics) else None

    @property
    def done(self) -> bool:
        """Whether the cell is finished and its numbers can be used."""
        return self.metrics() is not None

    def state(self) -> Record:
        """`state.json` with `state` one of missing, planned, running, done, failed, lost.

        What a process wrote last can be out of date: a cell that says `running` while nobody holds its lock was
        killed, and is reported as `lost`; one with metrics is `done` whatever else was written.
        """
        state = self._read("state")
        if not isinstance(state.get("state"), str):
            state["state"] = "missing"
        if not isinstance(state.get("attempt", 0), int):
            del state["attempt"]
        if self.done:
            state["state"] = "done"
        elif state["state"] in ("running", "done") and not self.locked():
            state["state"] = "lost"
        return state

    def history(self) -> list[Record]:
        """One record an epoch, up to the first line that is none: a last one is cut short by a crash."""
        try:
            lines = (self.path / "history.jsonl").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        records = []
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                break
            if not (isinstance(record, dict) and isinstance(record.get("epoch"), int)):
                break
            records.append(record)
        return records

    def progress(self) -> Record:
        """Where the running epoch stands: `epoch`, `batch`, `batches`; empty before the first report.

        After the last epoch `doing` says what is made of the model.
        """
        progress = self._read("progress")
        known = all(isinstance(progress.get(key), int) for key in ("epoch", "batch", "batches"))
        return progress if known and progress["batches"] else {}

    def job(self) -> Record:
        """`job.json`: the cluster job submitted for this cell last; empty if there was none."""
        job = self._read("job")
        return job if isinstance(job.get("id"), str) else {}

    def deaths(self) -> list[Record]:
        """`deaths.json`: how this cell's cluster jobs ended without a result, oldest first."""
        deaths = files.read_json(self.path / "deaths.json")
        return [each for each in deaths if _is_death(each)] if isinstance(deaths, list) else []

    def samples(self, columns: list[str] | None = None) -> "pd.DataFrame | None":
        """One line per scored expression, or None while there are none; `columns`: only these (fast).

        Raises:
            UserError: The file is damaged, or lacks a column.
        """
        import pandas as pd

        path = self.path / "samples.parquet"
        if not path.exists():
            return None
        with self._damage_named(path):
            return pd.read_parquet(path, columns=columns)

    def sample_columns(self, names: list[str]) -> "dict[str, NDArray[Any]] | None":
        """Columns of `samples` as arrays: a report of a thousand cells has no time for a thousand tables.

        Raises:
            UserError: As `samples`.
        """
        from pyarrow.parquet import ParquetFile

        path = self.path / "samples.parquet"
        if not path.exists():
            return None
        with self._damage_named(path), ParquetFile(path) as file:
            table = file.read(names, use_threads=False)
            return {name: table[name].to_numpy() for name in names}

    @contextmanager
    def _damage_named(self, path: Path) -> Iterator[None]:
        """Says which file of the cell cannot be read, and what to do."""
        import pyarrow

        try:
            yield
        except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{path}: the file is damaged ({' '.join(str(error).split())}).",
                f"Copy it again, or remove {self.path} and run its study again, which trains this cell anew.",
            ) from None

    def environment(self) -> Record:
        """`env.json`: versions, device, threads, commit."""
        return self._read("env")

    def precision(self) -> str:
        """In which number format its numbers were computed; where there are none, will be."""
        recipe = self.config().get("recipe", {})
        asked = str(recipe.get("precision", "float32"))
        known = str(self.environment().get("precision", asked) if self.done else asked)
        return {"no": "float32"}.get(known, known)  # as it was written when the machine chose

    def write(self, name: str, value: Any) -> None:
        """Writes `<name>.json` atomically."""
        files.write_json(self.path / f"{name}.json", value)

    def update_state(self, **changes: Any) -> None:
        """Merges `changes` into `state.json`."""
        self.write("state", self._read("state") | changes)

    def _read(self, name: str) -> Record:
        """`<name>.json`; empty where there is none, and where it holds something else than a mapping."""
        return _mapping(files.read_json(self.path / f"{name}.json"))

    def warn(self, line: str) -> None:
        """Adds a line to the `warnings` of `state.json`: what a finished cell lacks beside its numbers."""
        known = (files.read_json(self.path / "state.json") or {}).get("warnings") or []
        self.update_state(warnings=[*known, line])

    def write_history(self, records: list[Record]) -> None:
        """Replaces the history; `records` are one an epoch."""
        files.write_text(self.path / "history.jsonl", "".join(json.dumps(r) + "\n" for r in records))

    def write_samples(self, samples: "pd.DataFrame") -> None:
        """Writes `samples.parquet` atomically."""
        import io

        buffer = io.BytesIO()
        samples.to_parquet(buffer, index=False)
        files.write_bytes(self.path / "samples.parquet", buffer.getvalue())

    @contextmanager
    def lock(self, *, wait: bool = False) -> Iterator[bool]:
        """Holds the right to train this cell; yields whether it was free."""
        with files.locked(self.path / "lock", wait=wait) as held:
            yield held

    def locked(self) -> bool:
        """Whether a living process holds the cell."""
        if not (self.path / "lock").exists():
            return False
        with self.lock() as free:
            return not free


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
        identity = _mapping(self.cell(planned["id"]).description().get("identity"))
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


def _mapping(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def _scored(metrics: Record) -> bool:
    """Whether these are the numbers of a finished cell: scores of a split or more, and the rest of the right kind."""
    scores = metrics.get("scores")
    if not (isinstance(scores, dict) and scores):
        return False
    if not all(isinstance(metrics.get(key, {}), dict) for key in ("counts", "skipped", "parameters")):
        return False
    return all(
        isinstance(split, dict) and split and all(isinstance(value, int | float) for value in split.values())
        for split in scores.values()
    )


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


def _is_death(death: Any) -> bool:
    return (
        isinstance(death, dict)
        and {"job", "cause", "innocent", "code"} <= death.keys()
        and isinstance(death["cause"], str)
        and isinstance(death.get("ask"), dict | None)
    )
