"""The store as MLflow runs: study -> row -> seed, nested. The store stays the truth; all of this can be made anew.

Every run carries its key and the store's id as tags, so that stores can share a server, and a finished one a digest of
what it mirrors, so that a second look changes nothing and a cell trained anew replaces its run.
"""

import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.storage import files
from bench.storage.mlflow_links import write_links
from bench.storage.store import Cell, Record, Store
from bench.tracking.client import connect, is_own, side_by_side, tracking_uri, without_login
from bench.tracking.content import (
    ARTIFACTS,
    Metric,
    Place,
    all_metrics,
    config_digest,
    content_digest,
    final_tags,
    milliseconds,
    parameters,
    places,
)

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from bench.tracking.bulk import Database

EXPERIMENT = "fianet-bench"
THREADS = 8  # towards a server, where every call waits for an answer
TOGETHER = 200  # cells in one transaction
MOST_ENTITIES, MOST_PARAMS = 1000, 100  # the API's limits for one call


@dataclass(frozen=True)
class Known:
    """A run that MLflow has."""

    run_id: str
    status: str
    name: str
    tags: dict[str, str]


class Mirror:
    """Writes cells of one store into MLflow.

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
        if found is not None:
            return found
        local = not self.uri.startswith("http")
        location = (self.store.root / "mlartifacts").resolve().as_uri() if local else None
        return self.client.get_experiment(
            self.client.create_experiment(EXPERIMENT, artifact_location=location)
        )

    @cached_property
    def _database(self) -> "Database | None":
        from bench.tracking.bulk import Database

        if not is_own(self.store, self.uri):
            return None
        return Database.open(self.uri, self.experiment.experiment_id, self.experiment.artifact_location)

    def learn(self, key: str | None = None) -> None:
        """Learns which runs MLflow has of this store, or which it has with this key."""
        if key is None and self._database is not None:
            for run_id, status, name, tags in self._database.marked(self.store_id):
                self.known[tags["mirror.key"]] = Known(run_id, status, name, tags)
            return
        wanted = f"tags.`mirror.store` = '{self.store_id}'"
        if key is not None:
            quoted = key.replace("'", "''")
            wanted += f" and tags.`mirror.key` = '{quoted}'"
        page = None
        while True:
            found = self.client.search_runs(
                [self.experiment.experiment_id], wanted, max_results=1000, page_token=page
            )
            for run in found:
                self._learn(run)
            page = found.token
            if not page:
                return

    def _learn(self, run: "Run") -> Known:
        tags = {key: value for key, value in run.data.tags.items() if key.startswith("mirror.")}
        known = Known(run.info.run_id, run.info.status, run.info.run_name, tags)
        self.known[tags["mirror.key"]] = known
        return known

    def ensure(
        self, key: str, title: str, parent: str | None, tags: dict[str, str], started: int | None = None
    ) -> Known:
        """The run with this key and title, made if missing."""
        known = self.known.get(key)
        if known is None:
            nested = {"mlflow.parentRunId": parent} if parent else {}
            given = self._marks(key) | nested | tags
            experiment = self.experiment.experiment_id
            return self._learn(self.client.create_run(experiment, started, tags=given, run_name=title))
        if known.name != title:
            self.client.update_run(known.run_id, name=title)
        return known

    def _marks(self, key: str) -> dict[str, str]:
        return {"mirror.key": key, "mirror.store": self.store_id}

    def forget(self, key: str) -> None:
        """Deletes a run."""
        self.client.delete_run(self.known.pop(key).run_id)

    def heads(self, study: Record) -> tuple[str, dict[str, str]]:
        """Ids of the run of a study and of those of its rows, by row key."""
        return self._top(study), {row["key"]: self.row(study, row["key"]) for row in study["rows"]}

    def _top(self, study: Record) -> str:
        tags = {"kind": "study", "study": study["name"], "title": study["title"]}
        return self.ensure(f"study/{study['name']}", study["name"], None, tags).run_id

    def row(self, study: Record, key: str) -> str:
        """Id of the run of a row."""
        label = next(row["label"] for row in study["rows"] if row["key"] == key)
        tags = {"kind": "row", "study": study["name"], "row": key}
        return self.ensure(f"study/{study['name']}/{key}", label, self._top(study), tags).run_id

    def study(self, study: Record) -> str:
        """Brings one study in line with the store; `learn` came before.

        Returns:
            Id of the study's run.
        """
        top, rows = self.heads(study)
        expected = list(places(study))
        self._write_new([place for place in expected if place.key not in self.known], rows)
        for place in expected:
            if place.key in self.known:
                self._bring_in_line(place, rows[place.row])
        heads = [f"study/{study['name']}", *(f"study/{study['name']}/{key}" for key in rows)]
        wanted = {*heads, *(place.key for place in expected)}
        for key in [key for key in self.known if key.startswith(heads[0] + "/") and key not in wanted]:
            self.forget(key)
        for key in heads:
            if self.known[key].status != "FINISHED":
                self.client.set_terminated(self.known[key].run_id, "FINISHED")
        runs = {place.id: self.known[place.key].run_id for place in expected if place.key in self.known}
        server = without_login(self.uri)
        write_links(self.store, study["name"], server, self.experiment.experiment_id, runs)
        return top

    def _write_new(self, new: list[Place], rows: dict[str, str]) -> None:
        """Cells that are done and have no run: hundreds a transaction into a database, side by side to a server."""
        from bench.tracking.bulk import NewRun

        done = [place for place in new if self.store.cell(place.id).done]
        if not done:
            return
        if self._database is None:
            side_by_side(lambda place: self.finish(place, rows[place.row]), done, self.threads)
            return
        for start in range(0, len(done), TOGETHER):
            some = done[start : start + TOGETHER]
            cells = [self.store.cell(place.id) for place in some]
            self._database.write(
                NewRun(place, rows[place.row], cell, self._marks(place.key) | self._tags(place, cell))
                for place, cell in zip(some, cells, strict=True)
            )
        self.learn()

    def _bring_in_line(self, place: Place, parent: str) -> None:
        """A cell that has a run: its title, its end if its process died, or everything if it is another cell now."""
        cell, known = self.store.cell(place.id), self.known[place.key]
        if not cell.done:
            state = cell.state()["state"]
            if known.status == "FINISHED":
                self.forget(place.key)
            elif known.status == "RUNNING" and state != "running":
                self.client.set_terminated(known.run_id, "FAILED" if state == "failed" else "KILLED")
        elif known.status == "FINISHED" and known.tags.get("mirror.digest") == content_digest(cell):
            self.ensure(place.key, place.title, parent, {})
        else:
            if known.status == "FINISHED":
                self.forget(place.key)
            self.finish(place, parent)

    def _tags(self, place: Place, cell: Cell) -> dict[str, str]:
        return place.tags | {"cell": cell.id, "mirror.config": config_digest(cell)}

    def open(self, place: Place, parent: str) -> Known:
        """The run of a cell, with its parameters; one begun with other parameters is replaced."""
        cell = self.store.cell(place.id)
        known = self.known.get(place.key)
        if known and known.tags.get("mirror.config") != config_digest(cell):
            self.forget(place.key)
            known = None
        if known is not None:
            return known
        run = self.ensure(place.key, place.title, parent, self._tags(place, cell), milliseconds(cell)[0])
        self._log_parameters(run.run_id, cell)
        return run

    def _log_parameters(self, run_id: str, cell: Cell) -> None:
        from mlflow.entities import Param

        given = [Param(key, value) for key, value in parameters(cell).items()]
        for start in range(0, len(given), MOST_PARAMS):
            self.client.log_batch(run_id, params=given[start : start + MOST_PARAMS])

    def finish(self, place: Place, parent: str) -> None:
        """Everything of a finished cell; the run counts as written once its status is FINISHED."""
        from mlflow.entities import RunTag

        cell, run_id = self.store.cell(place.id), self.open(place, parent).run_id
        self.log(run_id, all_metrics(cell), [RunTag(key, value) for key, value in final_tags(cell).items()])
        for artifact in ARTIFACTS:
            if (cell.path / artifact).exists():
                self.client.log_artifact(run_id, str(cell.path / artifact))
        if (cell.path / "figures").is_dir():
            self.client.log_artifacts(run_id, str(cell.path / "figures"), "figures")
        self.client.set_terminated(run_id, "FINISHED", milliseconds(cell)[1])

    def log(self, run_id: str, metrics: list[Metric], tags: list[Any] | None = None) -> None:
        """Metrics and tags. All times are 0: writing a metric again changes nothing."""
        from mlflow import entities

        room = MOST_ENTITIES - len(tags or [])
        some = [entities.Metric(key, value, 0, step) for key, value, step in metrics]
        self.client.log_batch(run_id, metrics=some[:room], tags=tags or [])
        for start in range(room, len(some), MOST_ENTITIES):
            self.client.log_batch(run_id, metrics=some[start : start + MOST_ENTITIES])
