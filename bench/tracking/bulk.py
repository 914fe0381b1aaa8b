"""The store's own sqlite file, for stores of thousands: hundreds of cells a transaction, all runs in one look.

Only where the tables are those this module knows. Nobody else's database is touched: it may have another version of
MLflow before it tomorrow.
"""

import math
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import MetaData, create_engine, insert, select
from sqlalchemy.engine import Engine

from bench.storage.cell import Cell
from bench.tracking.content import ARTIFACTS, PARENT, SOURCE, Known, Place, artifact, times, user
from bench.tracking.finished import Finished
from bench.tracking.images import FOLDER, images, link_images
from bench.tracking.inputs import CONTEXT, SOURCE_TYPE, Input

TABLES = {
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time end_time"
    " deleted_time source_version lifecycle_stage artifact_uri experiment_id",
    "params": "key value run_uuid",
    "tags": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "datasets": "dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema"
    " dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id step",
    "input_tags": "input_uuid name value",
}

LARGEST = 1.7976931348623157e308


@dataclass(frozen=True)
class NewRun:
    """A finished cell that MLflow has no run of."""

    place: Place
    parent: str
    cell: Cell
    tags: dict[str, str]
    content: Finished


class Database:
    """MLflow's tables in the store's own sqlite file.

    Args:
        engine: Connected to them.
        tables: As reflected.
        experiment: Id of the experiment that gets the runs.
        folder: Where its artifacts lie.
    """

    def __init__(self, engine: Engine, tables: MetaData, experiment: str, folder: Path) -> None:
        self.engine, self.tables, self.experiment, self.folder = engine, tables, experiment, folder

    @classmethod
    def open(cls, uri: str, experiment: str, location: str) -> "Database | None":
        """The tables, or None where they are not known, or artifacts do not lie in a folder."""
        parts = urlsplit(location)
        if parts.scheme not in ("", "file"):
            return None
        engine = create_engine(uri)
        tables = MetaData()
        tables.reflect(engine, only=lambda name, metadata: name in TABLES)
        for name, columns in TABLES.items():
            if name not in tables.tables or set(tables.tables[name].columns.keys()) != set(columns.split()):
                return None
        return cls(engine, tables, experiment, Path(unquote(parts.path)))

    def marked(self, store_id: str) -> list[Known]:
        """Every run of a store: the API would send every metric along."""
        runs, tags = self.tables.tables["runs"], self.tables.tables["tags"]
        ours = select(tags.c.run_uuid).where(tags.c.key == "mirror.store", tags.c.value == store_id)
        here = (runs.c.experiment_id == int(self.experiment), runs.c.lifecycle_stage == "active")
        columns = (runs.c.run_uuid, runs.c.status, runs.c.name, runs.c.start_time, runs.c.end_time)
        listed = select(*columns).where(*here, runs.c.run_uuid.in_(ours))
        wanted = tags.c.key.startswith("mirror.", autoescape=True) | (tags.c.key == PARENT)
        marks = select(tags.c.run_uuid, tags.c.key, tags.c.value).where(wanted, tags.c.run_uuid.in_(ours))
        found: dict[str, dict[str, str]] = {}
        with self.engine.connect() as connection:
            for id_, key, value in connection.execute(marks):
                found.setdefault(id_, {})[key] = value
            return [Known(*run, found[run[0]]) for run in connection.execute(listed)]

    def write(self, runs: Iterable[NewRun]) -> None:
        """Writes runs, all or none; artifacts lie in place before."""
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        datasets = self._datasets()
        for run in runs:
            self._add(run, uuid.uuid4().hex, rows, datasets)
        with self.engine.begin() as connection:
            for name, values in rows.items():
                if values:
                    connection.execute(insert(self.tables.tables[name]), values)

    def _datasets(self) -> dict[tuple[str, str], str]:
        """Ids of the data sets that are known, by name and digest."""
        known = self.tables.tables["datasets"]
        columns = select(known.c.name, known.c.digest, known.c.dataset_uuid)
        with self.engine.connect() as connection:
            found = connection.execute(columns.where(known.c.experiment_id == int(self.experiment)))
            return {(name, digest): id_ for name, digest, id_ in found}

    def _add(
        self,
        run: NewRun,
        id_: str,
        rows: dict[str, list[dict[str, Any]]],
        datasets: dict[tuple[str, str], str],
    ) -> None:
        cell, content = run.cell, run.content
        artifacts = self.folder / id_ / "artifacts"
        _copy(cell, artifacts)
        when = times(cell)
        rows["runs"].append(
            {
                "run_uuid": id_,
                "name": run.place.title,
                "source_type": "LOCAL",
                "source_name": SOURCE,
                "entry_point_name": "",
                "user_id": user(),
                "status": "FINISHED",
                "start_time": when.started,
                "end_time": when.ended,
                "deleted_time": None,
                "source_version": "",
                "lifecycle_stage": "active",
                "artifact_uri": artifacts.as_uri(),
                "experiment_id": int(self.experiment),
            }
        )
        tags = run.tags | content.tags
        tags |= {"mlflow.runName": run.place.title, PARENT: run.parent}
        rows["tags"] += [{"key": key, "value": value, "run_uuid": id_} for key, value in tags.items()]
        values = content.parameters.items()
        rows["params"] += [{"key": key, "value": value, "run_uuid": id_} for key, value in values]
        metrics: list[dict[str, Any]] = [
            {"key": key, "timestamp": time, "step": step, "run_uuid": id_} | _number(value)
            for key, value, step, time in content.metrics
        ]
        rows["metrics"] += metrics
        latest: dict[str, dict[str, Any]] = {}
        for metric in metrics:
            if metric["key"] not in latest or metric["step"] >= latest[metric["key"]]["step"]:
                latest[metric["key"]] = metric
        rows["latest_metrics"] += latest.values()
        for each in content.inputs:
            self._add_input(each, id_, rows, datasets)

    def _add_input(
        self,
        each: Input,
        run_id: str,
        rows: dict[str, list[dict[str, Any]]],
        datasets: dict[tuple[str, str], str],
    ) -> None:
        """One data set of a run, made known with the first run that has it."""
        if (source := datasets.get((each.name, each.digest))) is None:
            source = datasets[each.name, each.digest] = uuid.uuid4().hex
            rows["datasets"].append(
                {
                    "dataset_uuid": source,
                    "experiment_id": int(self.experiment),
                    "name": each.name,
                    "digest": each.digest,
                    "dataset_source_type": SOURCE_TYPE,
                    "dataset_source": each.source,
                    "dataset_schema": None,
                    "dataset_profile": each.profile,
                }
            )
        id_ = uuid.uuid4().hex
        ends = {
            "source_type": "DATASET",
            "source_id": source,
            "destination_type": "RUN",
            "destination_id": run_id,
        }
        rows["inputs"].append({"input_uuid": id_, "step": 0} | ends)
        rows["input_tags"].append({"input_uuid": id_, "name": CONTEXT, "value": each.context})


def _number(value: float) -> dict[str, Any]:
    """As MLflow writes what no column can hold."""
    if math.isnan(value):
        return {"value": 0.0, "is_nan": True}
    return {"value": max(-LARGEST, min(LARGEST, value)), "is_nan": False}


def _copy(cell: Cell, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ARTIFACTS:
        if (content := artifact(cell, name)) is not None:
            (folder / name).write_bytes(content)
    if (cell.path / "figures").is_dir():
        shutil.copytree(cell.path / "figures", folder / "figures")
    if some := list(images(cell)):
        (folder / FOLDER).mkdir()
        link_images(some, folder / FOLDER)
