"""What a cell is in MLflow's words: parameters, tags, metrics. Plain values; imports no MLflow."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.storage.store import Cell, Record
from bench.terminal.arguments import dotted
from bench.tracking.client import masked

ARTIFACTS = ("cell.json", "env.json", "history.jsonl", "metrics.json", "samples.parquet")
LONGEST = 6000  # characters of a parameter
Metric = tuple[str, float, int]  # name, value, step


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


def config_digest(cell: Cell) -> str:
    """Tells whether a run was begun with the cell's present configuration: parameters of a run cannot change."""
    return _digest((cell.path / "cell.json").read_bytes())


def content_digest(cell: Cell) -> str:
    """What a finished cell's run mirrors."""
    return _digest((cell.path / "cell.json").read_bytes() + (cell.path / "metrics.json").read_bytes())


def final_tags(cell: Cell) -> dict[str, str]:
    """Where the finished cell's numbers come from."""
    identity = cell.description().get("identity", {})
    return {
        "identity": json.dumps(identity, sort_keys=True),
        "git_commit": str(cell.environment().get("commit")),
        "data_fingerprint": str(identity.get("data", {}).get("fingerprint")),
        "mirror.digest": content_digest(cell),
    }


def all_metrics(cell: Cell) -> list[Metric]:
    """The scores of the chosen epoch, as `test/mIoU`, and every epoch's."""
    metrics = cell.metrics() or {}
    return [*_scores("", metrics["scores"], 0), *epoch_metrics(cell.history())]


def epoch_metrics(history: list[Record]) -> Iterator[Metric]:
    """Loss, learning rate and scores by epoch."""
    for record in history:
        step = record["epoch"]
        for key in ("loss", "lr"):
            yield f"train/{key}", record[key], step
        yield from _scores(
            "epoch/", {split: record[split] for split in ("val", "test") if split in record}, step
        )


def milliseconds(cell: Cell) -> tuple[int, int]:
    """When the cell began and ended, as MLflow counts; one that is just ending ends now."""
    state = cell.state()
    started = float(state.get("started") or 0)
    return int(started * 1000), int(float(state.get("finished") or time.time()) * 1000)


def _scores(prefix: str, scores: dict[str, Any], step: int) -> Iterator[Metric]:
    for split, found in scores.items():
        for key, value in found.items():
            yield f"{prefix}{split}/{key}".replace("@", "_at_"), value, step  # MLflow refuses @ in names


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
