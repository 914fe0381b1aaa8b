"""The store as MLflow runs: study -> row -> seed, nested. The store stays the truth; all of this can be made anew.

A finished run carries a digest of what it mirrors, so that a second look changes nothing and a run whose numbers are
others now is replaced: MLflow changes neither parameters nor a start, and keeps every metric it was ever told.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.storage.cell import Cell, Record
from bench.storage.mlflow_links import write_links
from bench.storage.store import Store
from bench.tracking.client import side_by_side, without_login
from bench.tracking.content import (
    SOURCE,
    Known,
    Metric,
    Place,
    Times,
    begun,
    config_digest,
    content_digest,
    epoch_metrics,
    left_out,
    own_parameters,
    places,
    source_tags,
    times,
)
from bench.tracking.finished import finished
from bench.tracking.heads import Head, Summary, heads
from bench.tracking.runs import Runs

TOGETHER = 200  # cells in one transaction
BEGUN = "begun"  # in place of a digest while a head is told: one that was left so is made anew
REPORT = "mirror.report"  # tag of a study's run: what of its report it has


class Mirror(Runs):
    """Writes studies and cells of one store into MLflow.

    Args:
        store: The store.
        uri: MLflow's tracking URI; None: an sqlite file inside the store.
    """

    def __init__(self, store: Store, uri: str | None = None) -> None:
        super().__init__(store, uri)
        self._times: dict[str, Times] = {}  # of finished cells

    def study(self, study: Record) -> str:
        """Brings one study in line with the store; `learn` came before.

        Returns:
            Id of the study's run.
        """
        self._times.clear()
        expected = list(places(study))
        summary = Summary(self.store, study)
        common = summary.common
        done = {id_: content_digest(cell) for id_, cell in summary.done.items()}
        wanted = heads(study, done)
        spans = {head.key: self._span(head.cells) for head in wanted}
        self._drop(expected, done, wanted, spans)
        runs = self._ensure_heads(wanted, spans)
        rows = {row["key"]: runs[f"{wanted[0].key}/{row['key']}"] for row in study["rows"]}
        new = [place for place in expected if place.key not in self.known and place.id in done]
        self._write_new(new, rows, common)
        for place in expected:
            if place.key in self.known:
                self._bring_in_line(place, rows[place.row], common)
        there = {*spans, *(place.key for place in expected)}
        for key in [key for key in self.known if key.startswith(f"{wanted[0].key}/") and key not in there]:
            self.forget(key)
        for head in wanted:
            self._finish_head(head, summary, spans[head.key][1])
        ids = {place.id: self.known[place.key].run_id for place in expected if place.key in self.known}
        server = without_login(self.uri)
        write_links(self.store, study["name"], server, self.experiment.experiment_id, ids)
        return runs[wanted[0].key]

    def report(self, name: str) -> None:
        """Adds what the store has of a study's report to the study's run; `study` came before."""
        known = self.known[f"study/{name}"]
        folder = self.store.root / "reports" / name
        found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if not found:
            return
        digest = _digest(folder, found)
        if known.tags.get(REPORT) != digest:
            self.remove_files(known.run_id, "report")  # else what the report no longer has would stay
            self.client.log_artifacts(known.run_id, str(folder), "report")
            self.log(known.run_id, tags={REPORT: digest})

    def row(self, study: Record, key: str) -> str:
        """Id of the run of a row, whose numbers may come later."""
        wanted = [head for head in heads(study, {}) if head.tags.get("row", key) == key]
        return self._ensure_heads(wanted, {each.key: self._span(each.cells) for each in wanted})[
            wanted[-1].key
        ]

    def _ensure_heads(
        self, wanted: list[Head], spans: dict[str, tuple[int | None, int | None]]
    ) -> dict[str, str]:
        """Ids of runs by key: of a study, then of rows, which hang under it."""
        runs: dict[str, str] = {}
        for head in wanted:
            parent = runs[wanted[0].key] if runs else None
            runs[head.key] = self.ensure(head.key, head.title, parent, head.tags, spans[head.key][0]).run_id
        return runs

    def _finish_head(self, head: Head, summary: Summary, ended: int | None) -> None:
        """What a head says of what hangs under it, once; its end whenever that is another now."""
        known = self.known[head.key]
        when = ended or known.started
        if known.tags.get("mirror.digest") != head.digest:
            content = summary.of_row(head.tags["row"]) if "row" in head.tags else summary.of_study()
            self.log(known.run_id, tags={"mirror.digest": BEGUN})
            self.log(
                known.run_id,
                [Metric(name, value, step, when) for name, value, step in content.metrics],
                content.parameters,
                {"mlflow.note.content": content.note} | content.tags,
            )
            self.log_inputs(known.run_id, content.inputs)
            self.log(known.run_id, tags={"mirror.digest": head.digest})
        if known.status != "FINISHED" or known.ended != when:
            self.client.set_terminated(known.run_id, "FINISHED", when)

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

    def _drop(
        self,
        cells: list[Place],
        done: dict[str, str],
        wanted: list[Head],
        spans: dict[str, tuple[int | None, int | None]],
    ) -> None:
        """Forgets runs of cells that are others now, and heads that say other things or begin after their cells."""
        stale = []
        for place in cells:
            known = self.known.get(place.key)
            if known is None or known.status != "FINISHED":
                continue
            if place.id not in done or known.tags.get("mirror.digest") != done[place.id]:
                stale.append(place.key)
        for head in wanted:
            if (known := self.known.get(head.key)) is None:
                continue
            started = spans[head.key][0]
            said = known.tags.get("mirror.digest", head.digest)
            if said != head.digest or (started is not None and known.started > started):
                stale.append(head.key)
        side_by_side(self.forget, stale, self.threads)

    def _write_new(self, done: list[Place], rows: dict[str, str], common: Mapping[str, str]) -> None:
        """Finished cells that have no run: hundreds a transaction into a database, side by side to a server."""
        from bench.tracking.bulk import NewRun

        if not done:
            return
        if self.database is None:
            side_by_side(lambda place: self.finish(place, rows[place.row], common), done, self.threads)
            return
        for start in range(0, len(done), TOGETHER):
            some = done[start : start + TOGETHER]
            cells = [self.store.cell(place.id) for place in some]
            self.database.write(
                NewRun(
                    place,
                    rows[place.row],
                    cell,
                    self._marks(place.key) | self._tags(place, cell),
                    finished(place, cell, common),
                )
                for place, cell in zip(some, cells, strict=True)
            )
        self.learn()

    def _bring_in_line(self, place: Place, parent: str, common: Mapping[str, str]) -> None:
        """A cell that has a run: title, parent, parameters, the end if its process died, or all that is missing."""
        cell, known = self.store.cell(place.id), self.known[place.key]
        if known.status != "FINISHED" and cell.done:
            self.finish(place, parent, common)
            return
        self.ensure(place.key, place.title, parent, {})
        if known.status == "FINISHED" and not left_out(common).items() <= known.tags.items():
            self.log(known.run_id, parameters=own_parameters(cell, common), tags=left_out(common))
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

    def begin(self, place: Place, parent: str, common: Mapping[str, str]) -> str:
        """Says that a cell runs, and with which parameters; returns the id of its run."""
        cell = self.store.cell(place.id)
        run_id = self.open(place, parent).run_id
        self.log(run_id, parameters=own_parameters(cell, common), tags=source_tags(cell, SOURCE))
        self.client.update_run(run_id, status="RUNNING")
        return run_id

    def finish(self, place: Place, parent: str, common: Mapping[str, str]) -> None:
        """Everything of a finished cell; the run counts as written once its status is FINISHED."""
        cell, before = self.store.cell(place.id), self.known.get(place.key)
        run_id = self.open(place, parent).run_id
        told = self._told(run_id) if before and before.run_id == run_id else set()
        content = finished(place, cell, common, told)
        self.upload_images(run_id, cell, told)
        self.log(run_id, content.metrics, content.parameters, content.tags)
        self.log_inputs(run_id, content.inputs)
        self.upload_cell(run_id, cell)
        self.client.set_terminated(run_id, "FINISHED", times(cell).ended)

    def log_epochs(self, run_id: str, cell: Cell) -> None:
        """Epochs that the run does not have yet: the same metric at another time would stand there twice."""
        told = self._told(run_id)
        self.upload_images(run_id, cell, told)
        self.log(run_id, list(epoch_metrics(cell, told)))

    def _told(self, run_id: str) -> set[int]:
        """Epochs that a run has whole: the loss is what is written last."""
        return {metric.step for metric in self.client.get_metric_history(run_id, "train/loss")}


def _digest(folder: Path, found: Iterable[Path]) -> str:
    """Names the content of files."""
    total = hashlib.sha256()
    for path in found:
        content = hashlib.sha256(path.read_bytes()).digest()
        total.update(str(path.relative_to(folder)).encode(errors="surrogateescape") + b"\0" + content)
    return total.hexdigest()[:16]
