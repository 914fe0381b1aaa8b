"""MLflow's runs of one store: finding them, making them, and writing into them with few calls.

Every run carries its key and the store's id as tags, so that stores can share a server.
"""

import secrets
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.tracking import notes
from bench.tracking.client import connect, is_own, tracking_uri
from bench.tracking.content import ARTIFACTS, PARENT, Known, Metric, artifact
from bench.tracking.images import FOLDER, LOGGED, images, link_images
from bench.tracking.inputs import CONTEXT, SOURCE_TYPE, Input

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from bench.tracking.bulk import Database

EXPERIMENT = "fianet-bench"
# how MLflow's pages lay it out: runs and charts, nothing of chats and judges
ABOUT = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": notes.EXPERIMENT}
THREADS = 4  # towards a server, where every call waits for an answer
# MLflow adds a data set that it does not know: two runs that name it at once collide
NAMING_DATA = threading.Lock()
# the API allows 1000, 100 and 1000 in one call; a busy server shall answer within its time-out
MOST_ENTITIES, MOST_PARAMS, MOST_RUNS = 500, 100, 100


class Runs:
    """The runs of one store in MLflow: which there are, and how things are written into them.

    Args:
        store: The store.
        uri: MLflow's tracking URI; None: an sqlite file inside the store.
    """

    def __init__(self, store: Store, uri: str | None = None) -> None:
        self.store = store
        self.uri = tracking_uri(store, uri)
        self.client = connect(self.uri)
        # an sqlite file has one writer at a time
        self.threads = 1 if self.uri.startswith("sqlite") else THREADS
        self.known: dict[str, Known] = {}

    @cached_property
    def store_id(self) -> str:
        """Tells this store's runs from another's on the same server."""
        path = self.store.root / "mlflow.json"
        with files.locked(self.store.root / "mlflow.lock"):
            if (record := files.read_json(path)) is None:
                record = {"id": secrets.token_hex(6)}
                files.write_json(path, record)
        return str(record["id"])

    @cached_property
    def experiment(self) -> "Experiment":
        """The experiment; made if missing."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            local = not self.uri.startswith("http")
            location = (self.store.root / "mlartifacts").resolve().as_uri() if local else None
            made = self.client.create_experiment(EXPERIMENT, artifact_location=location)
            found = self.client.get_experiment(made)
        elif found.lifecycle_stage == "deleted":  # by hand; its name stays taken
            self.client.restore_experiment(found.experiment_id)
        for key, value in ABOUT.items():
            if key not in found.tags:
                self.client.set_experiment_tag(found.experiment_id, key, value)
        return found

    @cached_property
    def database(self) -> "Database | None":
        """The tables behind it, where they are the store's own and those that are known."""
        from bench.tracking.bulk import Database

        if not is_own(self.store, self.uri):
            return None
        return Database.open(self.uri, self.experiment.experiment_id, self.experiment.artifact_location)

    def learn(self, key: str | None = None) -> None:
        """Learns which runs MLflow has of this store, or which it has with this key."""
        if key is None and self.database is not None:
            for known in self.database.marked(self.store_id):
                self._remember(known)
            return
        wanted = f"tags.`mirror.store` = '{self.store_id}'"
        if key is not None:
            quoted = key.replace("'", "''")
            wanted += f" and tags.`mirror.key` = '{quoted}'"
        runs: list[Run] = []
        page: str | None = ""
        while page is not None:
            found = self.client.search_runs(
                [self.experiment.experiment_id], wanted, max_results=MOST_RUNS, page_token=page or None
            )
            runs += found
            page = found.token or None
        for run in runs:
            self._learn(run)

    def _learn(self, run: "Run") -> Known:
        wanted = ("mirror.", PARENT)
        tags = {key: value for key, value in run.data.tags.items() if key.startswith(wanted)}
        info = run.info
        return self._remember(
            Known(info.run_id, info.status, info.run_name, info.start_time, info.end_time, tags)
        )

    def _remember(self, known: Known) -> Known:
        """One run a key: a second one, of a call that was sent again or an experiment restored, is deleted."""
        first = self.known.setdefault(known.tags["mirror.key"], known)
        if first.run_id != known.run_id:
            self.client.delete_run(known.run_id)
            return first
        self.known[known.tags["mirror.key"]] = known
        return known

    def ensure(
        self, key: str, title: str, parent: str | None, tags: dict[str, str], started: int | None = None
    ) -> Known:
        """The run with this key, title and parent, made if missing."""
        known = self.known.get(key)
        if known is None:
            nested = {PARENT: parent} if parent else {}
            given = self._marks(key) | nested | tags
            experiment = self.experiment.experiment_id
            return self._learn(self.client.create_run(experiment, started, tags=given, run_name=title))
        if known.name != title:
            self.client.update_run(known.run_id, name=title)
        if parent and known.tags.get(PARENT) != parent:  # someone deleted the one it had
            self.client.set_tag(known.run_id, PARENT, parent)
        return known

    def _marks(self, key: str) -> dict[str, str]:
        return {"mirror.key": key, "mirror.store": self.store_id}

    def forget(self, key: str) -> None:
        """Deletes a run and its files: MLflow keeps those of deleted runs, a copy of every report that was replaced."""
        run_id = self.known.pop(key).run_id
        self.client.delete_run(run_id)
        self.remove_files(run_id)

    def remove_files(self, run_id: str, folder: str | None = None) -> None:
        """Removes the files of a run, or those in one folder of it; they stay where MLflow's storage deletes none."""
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self.client.get_run(run_id).info.artifact_uri
        if run_id in place:
            with suppress(MlflowException, NotImplementedError, OSError):
                get_artifact_repository(place, tracking_uri=self.uri).delete_artifacts(folder)

    def log(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Adds to a run in as few calls as the API's limits allow; metrics in their order."""
        from mlflow import entities

        some = [entities.Metric(key, value, time, step) for key, value, step, time in metrics]
        params = [entities.Param(key, value) for key, value in (parameters or {}).items()]
        marks = [entities.RunTag(key, value) for key, value in (tags or {}).items()]
        while some or params or marks:
            room = MOST_ENTITIES - len(params[:MOST_PARAMS]) - len(marks)
            self.client.log_batch(run_id, some[:room], params[:MOST_PARAMS], marks)
            some, params, marks = some[room:], params[MOST_PARAMS:], []

    def log_inputs(self, run_id: str, some: Sequence[Input]) -> None:
        """Says which data sets a run read."""
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        if not some:
            return
        datasets = [
            DatasetInput(
                Dataset(each.name, each.digest, SOURCE_TYPE, each.source, profile=each.profile),
                [InputTag(CONTEXT, each.context)],
            )
            for each in some
        ]
        with NAMING_DATA:
            try:
                self.client.log_inputs(run_id, datasets=datasets)
            except MlflowException:  # another process named the same set just then; now it is known
                self.client.log_inputs(run_id, datasets=datasets)

    def upload_cell(self, run_id: str, cell: Cell) -> None:
        """The files of a finished cell."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ARTIFACTS:
                if (content := artifact(cell, name)) is not None:
                    (Path(folder) / name).write_bytes(content)
            self.client.log_artifacts(run_id, folder)
        if (cell.path / "figures").is_dir():
            self.client.log_artifacts(run_id, str(cell.path / "figures"), "figures")

    def upload_images(self, run_id: str, cell: Cell, told: set[int]) -> None:
        """The pictures of epochs that are not told yet."""
        some = [image for image in images(cell) if image.epoch not in told]
        if not some:
            return
        with tempfile.TemporaryDirectory() as folder:
            link_images(some, Path(folder))
            self.client.log_artifacts(run_id, folder, FOLDER)
        self.log(run_id, tags=LOGGED)
