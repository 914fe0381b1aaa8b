"""Where MLflow shows the cells of a study: written by the mirror, read by the study's page. Imports no MLflow."""

from bench.storage import files
from bench.storage.store import Store

LOCAL = "http://127.0.0.1:5000"  # where `make ui` shows the file inside the store
TRAINING = "?workflowType=machine_learning"  # without it MLflow's pages are laid out for chats and judges


def write_links(store: Store, study: str, uri: str, experiment: str, runs: dict[str, str]) -> None:
    """Remembers the runs of a study's cells, by cell id; the same ones are not written again."""
    found = {"server": uri if uri.startswith("http") else LOCAL, "experiment": experiment, "runs": runs}
    path = store.root / "mlflow" / f"{study}.json"
    if files.read_json(path) != found:
        files.write_json(path, found)


def read_links(store: Store, study: str) -> dict[str, str]:
    """Cell id to the address of its run; empty where nothing was mirrored."""
    found = files.read_json(store.root / "mlflow" / f"{study}.json")
    if not isinstance(found, dict):
        return {}
    start = f"{found['server'].rstrip('/')}/#/experiments/{found['experiment']}/runs"
    return {cell: f"{start}/{run}{TRAINING}" for cell, run in found["runs"].items()}


def experiment_page(store: Store, server: str) -> str:
    """Where a server shows all runs of a store; its first page where nothing was mirrored."""
    for path in sorted((store.root / "mlflow").glob("*.json")):
        found = files.read_json(path)
        if isinstance(found, dict) and found["server"] in (LOCAL, server):
            return f"{server}/#/experiments/{found['experiment']}/runs{TRAINING}"
    return f"{server}/{TRAINING}"
