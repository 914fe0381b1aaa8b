"""Makes MLflow equal to the store: one study, or all of them."""

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
    return mirror.study(study)


def sync_all(store: Store, uri: str | None = None) -> list[str]:
    """Mirrors every study and deletes runs of studies the store no longer has; returns the studies' names."""
    mirror, names = Mirror(store, uri), store.studies()
    mirror.learn()
    for name in names:
        mirror.study(store.everything(name))
    for key in list(mirror.known):
        if key.split("/")[1] not in names:
            mirror.forget(key)
    return names


def mirrored(store: Store, name: str, uri: str | None) -> str:
    """Mirrors the study; a tracking server that is down costs a line, never a result."""
    where = tracking_uri(store, uri)
    try:
        run = sync(store, name, uri)
    except Exception as error:
        again = sync_again(store, uri)
        return f"mlflow: {masked(where)} cannot be written ({reason(error)}); nothing is lost, later run `{again}`."
    return f"mlflow: run {run} in {masked(where)} (open with {how_to_open(store, where)})"
