"""MLflow mirrors the store: study -> row -> seed as nested runs. The store stays the truth; this can be made anew.

`python -m bench.track sync` brings MLflow in line with the store.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.arguments import parse
from bench.errors import UserError, command
from bench.store import Cell, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "fianet-bench"
ARTIFACTS = ("cell.json", "env.json", "history.jsonl", "metrics.json", "samples.parquet")
USAGE = """
Makes MLflow equal to the store; running it again changes nothing.

  python -m bench.track sync                    every study of the store
  python -m bench.track sync ablation=fiam      one study
  make ui                                       looks at it in a browser, on this machine alone

keys: store=runs  ablation=NAME  uri=URI (none: sqlite file runs/mlflow.db)
"""


def tracking_uri(store: Store, uri: str | None) -> str:
    """The configured server, or an sqlite file inside the store."""
    return uri or f"sqlite:///{(store.root / 'mlflow.db').resolve()}"


def sync(store: Store, name: str, uri: str | None = None) -> str:
    """Mirrors one study; what is there already is left alone.

    Args:
        store: The store.
        name: The study.
        uri: MLflow's tracking URI; none: an sqlite file inside the store.

    Returns:
        Id of the study's MLflow run.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import logging

    logging.getLogger("alembic").setLevel(logging.WARNING)  # a page of migrations on first use
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(store, uri))
    experiment = _experiment(client, store)
    known = _known_runs(client, experiment)
    study = store.study(name)

    def ensure(key: str, title: str, parent: str | None, tags: dict[str, str]) -> str:
        """The run with this key, made if missing."""
        if key not in known:
            tags = (
                {"mirror.key": key, "mlflow.runName": title}
                | ({"mlflow.parentRunId": parent} if parent else {})
                | tags
            )
            known[key] = (client.create_run(experiment, tags=tags).info.run_id, "RUNNING")
        return known[key][0]

    top = ensure(f"study/{name}", name, None, {"kind": "study", "study": name, "title": study["title"]})
    for row in study["rows"]:
        row_run = ensure(
            f"study/{name}/{row['key']}", row["label"], top, {"kind": "row", "study": name, "row": row["key"]}
        )
        for planned in row["cells"]:
            cell = store.cell(planned["id"])
            if not cell.done:
                continue
            key = f"study/{name}/{row['key']}/{planned['dataset']}/{planned['seed']}/{cell.id}"
            if known.get(key, ("", ""))[1] == "FINISHED":
                continue
            title = f"{row['label']} · {planned['dataset']} · seed {planned['seed']}"
            tags = {"kind": "seed", "study": name, "row": row["key"], "dataset": planned["dataset"]}
            _mirror(client, cell, ensure(key, title, row_run, tags))
        _finish(client, row_run)
    _finish(client, top)
    return top


def _experiment(client: "MlflowClient", store: Store) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    local = not str(client.tracking_uri).startswith("http")
    location = (store.root / "mlartifacts").resolve().as_uri() if local else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))


def _known_runs(client: "MlflowClient", experiment: str) -> dict[str, tuple[str, str]]:
    """Mirror key to (run id, status) of everything mirrored before."""
    known, page = {}, None
    while True:
        found = client.search_runs([experiment], max_results=1000, page_token=page)
        for run in found:
            if "mirror.key" in run.data.tags:
                known[run.data.tags["mirror.key"]] = (run.info.run_id, run.info.status)
        page = found.token
        if not page:
            return known


def _mirror(client: "MlflowClient", cell: Cell, run_id: str) -> None:
    """Writes one finished cell into its run; the run counts as mirrored once its status is FINISHED."""
    from mlflow.entities import Metric, Param, RunTag

    description, environment = cell.description(), cell.environment()
    identity = description["identity"]
    metrics = cell.metrics() or {}
    tags = {
        "cell": cell.id,
        "identity": json.dumps(identity, sort_keys=True),
        "git_commit": str(environment.get("commit")),
        "data_fingerprint": identity["data"]["fingerprint"],
    }
    params = [Param(key, str(value)[:6000]) for key, value in _flat(description["config"])]
    values = [
        Metric(_safe(f"{split}/{key}"), value, 0, 0) for split, key, value in _scores(metrics["scores"])
    ]
    for record in cell.history():
        step = record["epoch"]
        values += [Metric(f"train/{key}", record[key], 0, step) for key in ("loss", "lr")]
        epoch_scores: dict[str, Any] = {split: record[split] for split in ("val", "test") if split in record}
        values += [
            Metric(_safe(f"epoch/{split}/{key}"), value, 0, step)
            for split, key, value in _scores(epoch_scores)
        ]
    for start in range(0, len(params), 100):  # the tracking API's batch limits: 100 params, 1000 metrics
        client.log_batch(run_id, params=params[start : start + 100])
    for start in range(0, len(values), 1000):
        client.log_batch(run_id, metrics=values[start : start + 1000])
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    for artifact in ARTIFACTS:
        if (cell.path / artifact).exists():
            client.log_artifact(run_id, str(cell.path / artifact))
    if (cell.path / "figures").is_dir():
        client.log_artifacts(run_id, str(cell.path / "figures"), "figures")
    _finish(client, run_id)


def _finish(client: "MlflowClient", run_id: str) -> None:
    client.set_terminated(run_id, "FINISHED")


def _scores(scores: dict[str, dict[str, float]]) -> Iterable[tuple[str, str, float]]:
    return ((split, key, value) for split, found in scores.items() for key, value in found.items())


def _safe(key: str) -> str:
    """MLflow refuses `@` in names."""
    return key.replace("@", "_at_")


def _flat(config: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in config.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return found


@dataclass
class Arguments:
    """Arguments of `python -m bench.track sync`."""

    store: str = "runs"
    ablation: str | None = None
    uri: str | None = None


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 mirrored, 2 the request is wrong."""
    if argv[:1] != ["sync"] and not {"-h", "--help"} & set(argv):
        raise UserError("bench.track: say what to do.", "The one verb is sync: `python -m bench.track sync`.")
    arguments = parse([word for word in argv if word != "sync"], Arguments, USAGE)
    store = Store(arguments.store)
    for name in [arguments.ablation] if arguments.ablation else store.studies():
        sync(store, name, arguments.uri)
        print(f"{name}: MLflow at {tracking_uri(store, arguments.uri)} equals the store {Path(store.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
