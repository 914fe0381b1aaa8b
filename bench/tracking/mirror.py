"""The store as MLflow runs: study -> row -> seed, nested. The store stays the truth; all of this can be made anew.

Every run carries its key and the store's id as tags, so that stores can share a server, and a finished one a digest of
what it mirrors, so that a second look changes nothing and a cell trained anew replaces its run.
"""

import secrets
import tempfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.storage import files
from bench.storage.mlflow_links import write_links
from bench.storage.store import Cell, Record, Store
from bench.tracking.client import connect, is_own, side_by_side, tracking_uri, without_login
from bench.tracking.content import (
    ARTIFACTS,
    PARENT,
    Known,
    Metric,
    Place,
    Times,
    all_metrics,
    artifact,
    begun,
    config_digest,
    content_digest,
    epoch_metrics,
    final_tags,
    parameters,
    places,
    times,
)

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Param, Run, RunTag

    from bench.tracking.bulk import Database

EXPERIMENT = "fianet-bench"
THREADS = 4  # towards a server, where every call waits for an answer
TOGETHER = 200  # cells in one transaction
# the API allows 1000, 100 and 1000 in one call; a busy server shall answer within its time-out
MOST_ENTITIES, MOST_PARAMS, MOST_RUNS = 500, 100, 100


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
        self._times: dict[str, Times] = {}  # of finished cells

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
            if found.lifecycle_stage == "deleted":  # by hand; its name stays taken
                self.client.restore_experiment(found.experiment_id)
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
            for known in self._database.marked(self.store_id):
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
        """Deletes a run."""
        self.client.delete_run(self.known.pop(key).run_id)

    def heads(self, study: Record) -> tuple[str, dict[str, str]]:
        """Ids of the run of a study and of those of its rows, by row key."""
        return self._top(study), {row["key"]: self.row(study, row["key"]) for row in study["rows"]}

    def _top(self, study: Record) -> str:
        key = f"study/{study['name']}"
        tags = {"kind": "study", "study": study["name"], "title": study["title"]}
        started = None if key in self.known else self._span(places(study))[0]
        return self.ensure(key, study["name"], None, tags, started).run_id

    def row(self, study: Record, key: str) -> str:
        """Id of the run of a row."""
        label = next(row["label"] for row in study["rows"] if row["key"] == key)
        name = f"study/{study['name']}/{key}"
        tags = {"kind": "row", "study": study["name"], "row": key}
        parent = self._top(study)
        started = None if name in self.known else self._span(_of(places(study), key))[0]
        return self.ensure(name, label, parent, tags, started).run_id

    def _span(self, cells: Iterable[Place]) -> tuple[int | None, int | None]:
        """When the first of some cells began and the last of those ended that do not run."""
        starts, ends = [], []
        for place in cells:
            cell = self.store.cell(place.id)
            if (when := self._times.get(place.id)) is None:
                if not begun(cell):
                    continue
                when = times(cell)
                if cell.done:
                    self._times[place.id] = when
            starts.append(when.started)
            if cell.id in self._times or cell.state()["state"] != "running":
                ends.append(when.ended)
        return min(starts, default=None), max(ends, default=None)

    def study(self, study: Record) -> str:
        """Brings one study in line with the store; `learn` came before.

        Returns:
            Id of the study's run.
        """
        self._times.clear()
        expected = list(places(study))
        name = f"study/{study['name']}"
        spans = {name: self._span(expected)}
        spans |= {f"{name}/{row['key']}": self._span(_of(expected, row["key"])) for row in study["rows"]}
        self._drop(expected, spans)
        top, rows = self.heads(study)
        self._write_new([place for place in expected if place.key not in self.known], rows)
        for place in expected:
            if place.key in self.known:
                self._bring_in_line(place, rows[place.row])
        wanted = {*spans, *(place.key for place in expected)}
        for key in [key for key in self.known if key.startswith(f"{name}/") and key not in wanted]:
            self.forget(key)
        for key, (_, ended) in spans.items():
            head = self.known[key]
            if head.status != "FINISHED" or head.ended != (ended or head.started):
                self.client.set_terminated(head.run_id, "FINISHED", ended or head.started)
        runs = {place.id: self.known[place.key].run_id for place in expected if place.key in self.known}
        server = without_login(self.uri)
        write_links(self.store, study["name"], server, self.experiment.experiment_id, runs)
        return top

    def _drop(self, cells: list[Place], spans: dict[str, tuple[int | None, int | None]]) -> None:
        """Runs of cells that are others now, and heads that begin after their cells: a start cannot be changed."""
        stale = []
        for place in cells:
            cell, known = self.store.cell(place.id), self.known.get(place.key)
            if known is None or known.status != "FINISHED":
                continue
            if not cell.done or known.tags.get("mirror.digest") != content_digest(cell):
                stale.append(place.key)
        for key, (started, _) in spans.items():
            if key in self.known and started is not None and self.known[key].started > started:
                stale.append(key)
        side_by_side(self.forget, stale, self.threads)

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
        """A cell that has a run: its title and parent, its end if its process died, or all that is missing."""
        cell, known = self.store.cell(place.id), self.known[place.key]
        if known.status != "FINISHED" and cell.done:
            self.finish(place, parent)
            return
        self.ensure(place.key, place.title, parent, {})
        state = cell.state()["state"]
        if known.status == "RUNNING" and state != "running":
            status = "FAILED" if state == "failed" else "KILLED"
            self.client.set_terminated(known.run_id, status, times(cell).ended)

    def _tags(self, place: Place, cell: Cell) -> dict[str, str]:
        return place.tags | {"cell": cell.id, "mirror.config": config_digest(cell)}

    def open(self, place: Place, parent: str) -> Known:
        """The run of a cell; one begun with other parameters is replaced."""
        cell = self.store.cell(place.id)
        known = self.known.get(place.key)
        if known and known.tags.get("mirror.config") != config_digest(cell):
            self.forget(place.key)
        tags = {} if place.key in self.known else self._tags(place, cell)
        return self.ensure(place.key, place.title, parent, tags, times(cell).started)

    def begin(self, place: Place, parent: str) -> str:
        """Says that a cell runs, and with which parameters; returns the id of its run."""
        run_id = self.open(place, parent).run_id
        self._log(run_id, params=self._parameters(self.store.cell(place.id)))
        self.client.update_run(run_id, status="RUNNING")
        return run_id

    def finish(self, place: Place, parent: str) -> None:
        """Everything of a finished cell; the run counts as written once its status is FINISHED."""
        from mlflow.entities import RunTag

        cell, before = self.store.cell(place.id), self.known.get(place.key)
        run_id = self.open(place, parent).run_id
        told = self._told(run_id) if before and before.run_id == run_id else set()
        tags = [RunTag(key, value) for key, value in final_tags(cell).items()]
        self._log(run_id, all_metrics(cell, told), self._parameters(cell), tags)
        self._upload(run_id, cell)
        self.client.set_terminated(run_id, "FINISHED", times(cell).ended)

    def log_epochs(self, run_id: str, cell: Cell) -> None:
        """Epochs that the run does not have yet: the same metric at another time would stand there twice."""
        self._log(run_id, list(epoch_metrics(cell, self._told(run_id))))

    def _told(self, run_id: str) -> set[int]:
        """Epochs that a run has whole: the loss is what is written last."""
        return {metric.step for metric in self.client.get_metric_history(run_id, "train/loss")}

    def _parameters(self, cell: Cell) -> "list[Param]":
        from mlflow.entities import Param

        return [Param(key, value) for key, value in parameters(cell).items()]

    def _upload(self, run_id: str, cell: Cell) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ARTIFACTS:
                if (content := artifact(cell, name)) is not None:
                    (Path(folder) / name).write_bytes(content)
            self.client.log_artifacts(run_id, folder)
        if (cell.path / "figures").is_dir():
            self.client.log_artifacts(run_id, str(cell.path / "figures"), "figures")

    def _log(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: "Sequence[Param]" = (),
        tags: "Sequence[RunTag]" = (),
    ) -> None:
        """As few calls as the API's limits allow; metrics in their order."""
        from mlflow import entities

        some = [entities.Metric(key, value, time, step) for key, value, step, time in metrics]
        while some or params or tags:
            room = MOST_ENTITIES - len(params[:MOST_PARAMS]) - len(tags)
            self.client.log_batch(run_id, some[:room], params[:MOST_PARAMS], tags)
            some, params, tags = some[room:], params[MOST_PARAMS:], ()


def _of(cells: Iterable[Place], row: str) -> list[Place]:
    return [place for place in cells if place.row == row]
