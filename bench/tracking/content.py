"""What a cell is in MLflow's words: parameters, tags, metrics. Plain values; imports no MLflow."""

import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from bench.storage.splits import further_set, further_split
from bench.storage.store import Cell, Record
from bench.terminal.arguments import dotted
from bench.tracking.client import masked

ARTIFACTS = ("cell.json", "env.json", "history.jsonl", "metrics.json", "samples.parquet")
PARENT = "mlflow.parentRunId"
LONGEST = 6000  # characters of a parameter
REFUSED = re.compile(r"[^\w -]")  # of a further set's name, which may be anything, in that of a metric
FORM = b"times"  # of what is mirrored: runs of another form are replaced


@dataclass(frozen=True)
class Known:
    """A run that MLflow has."""

    run_id: str
    status: str
    name: str
    started: int
    ended: int | None
    tags: dict[str, str]  # `mirror.` and the parent


class Metric(NamedTuple):
    """One value of a run."""

    name: str
    value: float
    step: int
    time: int  # milliseconds


@dataclass(frozen=True)
class Times:
    """When a cell began and ended and when its epochs did, as MLflow counts: milliseconds."""

    started: int
    ended: int
    epochs: list[int]


@dataclass(frozen=True)
class Place:
    """A cell's place in a study."""

    id: str
    row: str
    key: str
    title: str
    tags: dict[str, str]


def places(study: Record) -> Iterator[Place]:
    """Where a study has its cells."""
    name = study["name"]
    for row in study["rows"]:
        for planned in row["cells"]:
            dataset, seed = planned["dataset"], planned["seed"]
            yield Place(
                id=planned["id"],
                row=row["key"],
                key=f"study/{name}/{row['key']}/{dataset}/{seed}/{planned['id']}",
                title=f"{row['label']} · {dataset} · seed {seed}",
                tags={"kind": "seed", "study": name, "row": row["key"], "dataset": dataset},
            )


def parameters(cell: Cell) -> dict[str, str]:
    """The full configuration, dotted; an address is written without its password."""
    return {key: masked(str(value))[:LONGEST] for key, value in dotted(cell.config())}


def artifact(cell: Cell, name: str) -> bytes | None:
    """What MLflow keeps of a file; None where the cell has none."""
    try:
        content = (cell.path / name).read_bytes()
    except FileNotFoundError:
        return None
    if name != "cell.json":
        return content
    return masked(content.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def config_digest(cell: Cell) -> str:
    """Tells whether a run was begun with the cell's present configuration: parameters of a run cannot change."""
    return _digest((cell.path / "cell.json").read_bytes())


def content_digest(cell: Cell) -> str:
    """What a finished cell's run mirrors."""
    return _digest(FORM + (cell.path / "cell.json").read_bytes() + (cell.path / "metrics.json").read_bytes())


def final_tags(cell: Cell) -> dict[str, str]:
    """Where the finished cell's numbers come from."""
    identity = cell.description().get("identity", {})
    return {
        "identity": json.dumps(identity, sort_keys=True),
        "git_commit": str(cell.environment().get("commit")),
        "data_fingerprint": str(identity.get("data", {}).get("fingerprint")),
        "mirror.digest": content_digest(cell),
    }


def all_metrics(cell: Cell, epochs: set[int] | None = None) -> list[Metric]:
    """The scores of the chosen epoch, as `test/mIoU`, and those of every epoch but `epochs`."""
    metrics = cell.metrics() or {}
    return [*_scores("", metrics["scores"], 0, times(cell).ended), *epoch_metrics(cell, epochs or set())]


def epoch_metrics(cell: Cell, known: set[int]) -> Iterator[Metric]:
    """Scores, learning rate and loss by epoch, of epochs that are not known; the loss ends an epoch."""
    history = cell.history()
    for record, time_ in zip(history, times(cell).epochs, strict=False):
        step = record["epoch"]
        if step in known:
            continue
        splits: Record = {split: record[split] for split in ("val", "test") if split in record}
        yield from _scores("epoch/", splits, step, time_)
        for key in ("lr", "loss"):
            yield Metric(f"train/{key}", record[key], step, time_)


def times(cell: Cell) -> Times:
    """Of the cell's own record, else of its files; epochs follow one another from the start.

    What was begun again began when all its epochs fit in before its end.
    """
    state, seconds = cell.state(), [float(record.get("seconds", 0)) for record in cell.history()]
    running = state["state"] == "running"
    ended = float(state.get("finished") or 0) or (time.time() if running else _written(cell))
    started = min(float(state.get("started") or ended), ended - sum(seconds))
    epochs = [round((started + passed) * 1000) for passed in accumulate(seconds)]
    return Times(round(started * 1000), round(ended * 1000), epochs)


def begun(cell: Cell) -> bool:
    """Whether there is anything to tell when."""
    return cell.done or bool(cell.state().get("started"))


def _written(cell: Cell) -> float:
    """When the last thing of a cell was written."""
    found = (cell.path / name for name in ("metrics.json", "history.jsonl", "state.json", "cell.json"))
    return next((path.stat().st_mtime for path in found if path.exists()), 0.0)


def _scores(prefix: str, scores: dict[str, Any], step: int, time_: int) -> Iterator[Metric]:
    for split, found in scores.items():
        if further := further_set(split):
            split = further_split(REFUSED.sub("_", further))
        for key, value in found.items():
            name = f"{prefix}{split}/{key}".replace("@", "_at_")  # MLflow refuses @ in names
            yield Metric(name, value, step, time_)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
