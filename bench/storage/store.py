"""The store: what is planned, running and done, as files; they are the truth, MLflow and reports are made from them.

    <root>/cells/<id>/   cell.json  state.json  history.jsonl  metrics.json  samples.parquet  env.json  log.txt
                         checkpoints/  figures/
    <root>/studies/<name>.json

`metrics.json` is written last, and alone means *done*. This module knows files and nothing else; it imports no torch.
"""

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.storage import files
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

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
        return files.read_json(self.path / "cell.json") or {}

    def config(self) -> Record:
        """The full resolved configuration the cell was planned with."""
        return self.description().get("config", {})

    def metrics(self) -> Record | None:
        """`metrics.json`, or None while the cell is not done."""
        return files.read_json(self.path / "metrics.json")

    @property
    def done(self) -> bool:
        """Whether the cell is finished and its numbers can be used."""
        return self.metrics() is not None

    def state(self) -> Record:
        """`state.json` with `state` one of missing, planned, running, done, failed, lost.

        What a process wrote last can be out of date: a cell that says `running` while nobody holds its lock was
        killed, and is reported as `lost`; one with metrics is `done` whatever else was written.
        """
        state = files.read_json(self.path / "state.json") or {"state": "missing"}
        if self.done:
            state["state"] = "done"
        elif state["state"] in ("running", "done") and not self.locked():
            state["state"] = "lost"
        return state

    def history(self) -> list[Record]:
        """One record an epoch; a last line cut short by a crash is left out."""
        try:
            lines = (self.path / "history.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        records = []
        for line in lines:
            try:
                records.append(json.loads(line))
            except ValueError:
                break
        return records

    def progress(self) -> Record:
        """Where the running epoch stands: `epoch`, `batch`, `batches`; empty before the first report."""
        return files.read_json(self.path / "progress.json") or {}

    def job(self) -> Record:
        """`job.json`: the cluster job submitted for this cell last; empty if there was none."""
        return files.read_json(self.path / "job.json") or {}

    def deaths(self) -> list[Record]:
        """`deaths.json`: how this cell's cluster jobs ended without a result, oldest first."""
        return files.read_json(self.path / "deaths.json") or []

    def samples(self, columns: list[str] | None = None) -> "pd.DataFrame | None":
        """One line per scored expression, or None while there are none; `columns`: only these (fast)."""
        import pandas as pd

        path = self.path / "samples.parquet"
        return pd.read_parquet(path, columns=columns) if path.exists() else None

    def environment(self) -> Record:
        """`env.json`: versions, device, threads, commit."""
        return files.read_json(self.path / "env.json") or {}

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
        self.write("state", (files.read_json(self.path / "state.json") or {}) | changes)

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
        if not known:
            cell.update_state(state="planned", attempt=0)
        return cell

    def studies(self) -> list[str]:
        """Names of the studies planned in this store."""
        return sorted(path.stem for path in (self.root / "studies").glob("*.json"))

    def write_study(self, study: Record) -> None:
        """Writes the plan of a study: rows, labels, cell ids."""
        files.write_json(self.root / "studies" / f"{study['name']}.json", study)

    def study(self, name: str) -> Record:
        """The plan of a study.

        Raises:
            UserError: No study of that name was ever planned here.
        """
        study = files.read_json(self.root / "studies" / f"{name}.json")
        if study is None:
            near = difflib.get_close_matches(name, self.studies(), 1)
            known = (
                f"did you mean {near[0]}?" if near else f"it holds: {', '.join(self.studies()) or 'none'}."
            )
            raise UserError(
                f"ablation={name}: the store {self.root} holds no such study; {known}",
                f"Run `python -m bench.run ablation={name}` first, or pass store=DIR.",
            )
        return study
