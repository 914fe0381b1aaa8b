"""Makes MLflow equal to the store: one study, or all of them."""

from collections.abc import Callable

from bench.storage.store import Store
from bench.tracking.client import how_to_open, masked, reason, sync_again, tracking_uri
from bench.tracking.mirror import Mirror


def sync(store: Store, name: str, uri: str | None = None) -> str:
    """Mirrors one study; what is there already is left alone.

    Args:
        store: The store.
        name: The study.
        uri: MLflow's tracking URI; None: an sqlite file inside the store.

    Returns:
        Id of the study's MLflow run.
    """
    study = store.everything(name)  # also what an earlier plan named: a new one deletes no run
    mirror = Mirror(store, uri)
    mirror.learn()
    run = mirror.study(study)
    mirror.report(name)
    return run


def sync_all(store: Store, uri: str | None = None) -> list[str]:
    """Mirrors every study and deletes runs of studies the store no longer has; returns the studies' names."""
    mirror, names = Mirror(store, uri), store.studies()
    mirror.learn()
    for name in names:
        mirror.study(store.everything(name))
        mirror.report(name)
    for key in list(mirror.known):
        if key.split("/")[1] not in names:
            mirror.forget(key)
    return names


class Mirrored:
    """A study that is told to MLflow: its runs first, its report when it is written, which links to the runs.

    A tracking server that is down costs a line and one wait, never a result.

    Args:
        store: The store.
        name: The study.
        uri: See `sync`.
    """

    def __init__(self, store: Store, name: str, uri: str | None) -> None:
        self.store, self.name, self.uri = store, name, uri
        self.where = tracking_uri(store, uri)
        self.mirror: Mirror | None = None
        self.said = self._tried(self._runs)

    def add_report(self) -> None:
        """Adds what the store has of the study's report, where the runs could be written."""
        if self.mirror is not None:
            self.said = self._tried(self._report)

    def _runs(self) -> str:
        study, mirror = self.store.everything(self.name), Mirror(self.store, self.uri)
        mirror.learn()
        run = mirror.study(study)
        self.mirror = mirror
        return f"mlflow: run {run} in {masked(self.where)} (open with {how_to_open(self.store, self.where)})"

    def _report(self) -> str:
        if self.mirror is not None:
            self.mirror.report(self.name)
        return self.said

    def _tried(self, work: Callable[[], str]) -> str:
        try:
            return work()
        except Exception as error:
            again = sync_again(self.store, self.uri)
            return (
                f"mlflow: {masked(self.where)} cannot be written ({reason(error)}); "
                f"nothing is lost, later run `{again}`."
            )
