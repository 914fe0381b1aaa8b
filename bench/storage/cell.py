"""One cell as files: its plan, state, history and numbers.

    <root>/cells/<id>/   cell.json  state.json  history.jsonl  metrics.json  samples.parquet  env.json  log.txt
                         checkpoints/  figures/  previews/

`metrics.json` is written last, and alone means *done*. This module knows files and nothing else; it imports no torch.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.storage import files
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
        return mapping(self.description().get("config"))

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
        return mapping(files.read_json(self.path / f"{name}.json"))

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


def mapping(value: Any) -> Record:
    """The value where it is a mapping; else an empty one."""
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


def _is_death(death: Any) -> bool:
    return (
        isinstance(death, dict)
        and {"job", "cause", "innocent", "code"} <= death.keys()
        and isinstance(death["cause"], str)
        and isinstance(death.get("ask"), dict | None)
    )
