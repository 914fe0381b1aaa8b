"""News from a running cell to an MLflow server, epoch by epoch, from wherever it runs.

A thread follows the cell's files, so that training waits for nothing: a server that is slow or down costs one line, and
`python -m bench.track sync` makes up for it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from bench.config.schema import TrackingConfig
from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.tracking.client import masked, reason, sync_again
from bench.tracking.content import Place, places
from bench.tracking.heads import Summary

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    from bench.tracking.mirror import Mirror

SECONDS = 2.0  # between looks at the history
PAUSE_SECONDS = 60.0  # after the server did not answer
MACHINE_SECONDS = 30.0  # between looks at the machine
LAST_SECONDS = 30.0  # for the last words when training has ended


@contextmanager
def live(cell: Cell, config: TrackingConfig) -> Iterator[None]:
    """Mirrors the cell while the block runs, where `tracking=live` was asked for."""
    if not (config.enabled and config.live):
        yield
        return
    news, thread = News(cell, config.uri), None
    try:
        thread = threading.Thread(target=news.follow, daemon=True)
        thread.start()
    except Exception as error:  # no thread can be started: training needs none
        news.warn(error)
        thread = None
    try:
        yield
    finally:
        news.ended.set()
        if thread is not None:
            thread.join(LAST_SECONDS)


class Told(NamedTuple):
    """A run that hears of the cell: one in every study that has it."""

    place: Place
    common: dict[str, str]  # what the study's run says for all
    parent: str
    run: str


class News:
    """Follows one cell.

    Args:
        cell: Locked by this process.
        uri: The server.
    """

    def __init__(self, cell: Cell, uri: str | None) -> None:
        self.cell, self.uri = cell, uri
        self.store = Store(cell.path.parents[1])
        self.ended = threading.Event()
        self.told = 0  # epochs
        self.runs: list[Told] = []
        self.mirror: Mirror | None = None
        self.monitors: list[SystemMetricsMonitor] = []
        self.warned = False

    def follow(self) -> None:
        """Tells until the cell has ended; never raises."""
        while True:
            last = self.ended.is_set()
            try:
                self._tell()
                if last:
                    self._end()
            except Exception as error:
                self.warn(error)
                self.ended.wait(PAUSE_SECONDS)
            if last:
                return
            self.ended.wait(SECONDS)

    def _tell(self) -> None:
        """Epochs since the last look."""
        epochs = len(self.cell.history())
        if epochs == self.told and self.mirror:
            return
        mirror = self._begin()
        for told in self.runs:
            mirror.log_epochs(told.run, self.cell)
        self.told = epochs

    def _begin(self) -> "Mirror":
        """The cell's runs, in every study that has it; one process at a time makes runs."""
        if self.mirror is None:
            from bench.tracking.mirror import Mirror

            mirror = Mirror(self.store, self.uri)
            runs = []
            with files.locked(self.store.root / "mlflow-runs.lock"):
                for study in map(self.store.everything, self.store.studies()):
                    own = [place for place in places(study) if place.id == self.cell.id]
                    common = Summary(self.store, study).common if own else {}
                    for place in own:
                        top = f"study/{study['name']}"
                        for key in (top, f"{top}/{place.row}", place.key):
                            mirror.learn(key)
                        row = mirror.row(study, place.row)
                        runs.append(Told(place, common, row, mirror.begin(place, row, common)))
            self.runs = runs
            self.mirror = mirror
            self._watch_machine(mirror.uri)
        return self.mirror

    def _watch_machine(self, uri: str) -> None:
        """MLflow's own thread adds use of processor, memory, disk, network and, with `nvidia-ml-py`, of the GPU."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        for told in self.runs:
            monitor = SystemMetricsMonitor(told.run, MACHINE_SECONDS, resume_logging=True, tracking_uri=uri)
            monitor.start()
            self.monitors.append(monitor)

    def _end(self) -> None:
        """The whole of a finished cell; what did not finish is only ended."""
        mirror = self._begin()
        for monitor in self.monitors:
            monitor.finish()
        self.monitors.clear()
        for told in self.runs:
            if self.cell.done:
                mirror.finish(told.place, told.parent, told.common)
            else:
                mirror.client.set_terminated(told.run, "KILLED")

    def warn(self, error: Exception) -> None:
        """Says once that the server does not hear of this cell; never raises."""
        if not self.warned:
            where = masked(str(self.uri))
            with suppress(OSError, ValueError):  # nobody reads the log, or its disk is full
                print(
                    f"tracking: {where} does not answer ({reason(error)}); training goes on, "
                    f"later run `{sync_again(self.store, self.uri)}`",
                    file=sys.stderr,
                    flush=True,
                )
        self.warned = True
