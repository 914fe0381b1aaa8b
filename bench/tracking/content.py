"""What a cell is in MLflow's words: parameters, tags, metrics. Plain values; imports no MLflow.

Names of metrics say what a chart or column compares: `train/loss`, `train/lr`, `val/mIoU` have a value an epoch;
`test/mIoU`, `test_shuffled/mIoU` and `val_chosen/mIoU` are scores at the chosen epoch, as is `NAME/test/mIoU` of a
further set.
"""

import getpass
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from bench.storage.cell import Cell, Record
from bench.storage.splits import further_set, further_split
from bench.terminal.arguments import dotted
from bench.tracking.client import masked

ARTIFACTS = ("cell.json", "env.json", "history.jsonl", "metrics.json", "samples.parquet")
PARENT = "mlflow.parentRunId"
LONGEST = 6000  # characters of a parameter
REFUSED = re.compile(r"[^\w -]")  # of a further set's name, which may be anything, in that of a metric
FORM = b"inputs, notes, images"  # of what is mirrored: runs of another form are replaced
CURVES = {"val": "val/", "test": "test_epochs/"}  # `test/` are the final scores
FINAL = {"val": "val_chosen/", "shuffled": "test_shuffled/"}  # `val/` are the curves; pages sort by name
SOURCE = "bench/cell.py"  # what trains a cell


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
    label: str
    dataset: str
    seed: int
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
                label=row["label"],
                dataset=dataset,
                seed=seed,
                key=f"study/{name}/{row['key']}/{dataset}/{seed}/{planned['id']}",
                title=f"{row['label']} · {dataset} · seed {seed}",
                tags={
                    "kind": "seed",
                    "study": name,
                    "row": row["key"],
                    "dataset": dataset,
                    "seed": str(seed),
                },
            )


def parameters(cell: Cell) -> dict[str, str]:
    """The full configuration, dotted; an address is written without its password."""
    return {key: masked(str(value))[:LONGEST] for key, value in dotted(cell.config())}


def own_parameters(cell: Cell, common: Mapping[str, str]) -> dict[str, str]:
    """Those that the study's run does not say for all: pages show them beside every picture."""
    return {key: value for key, value in parameters(cell).items() if key not in common}


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
    return digest((cell.path / "cell.json").read_bytes())


def content_digest(cell: Cell) -> str:
    """What a finished cell's run mirrors."""
    files = [(cell.path / name).read_bytes() for name in ("cell.json", "metrics.json")]
    return digest(b"".join([FORM, *files]))


def left_out(common: Mapping[str, str]) -> dict[str, str]:
    """Tag that tells which parameters a run leaves to the study's: where those become fewer, it is told the others."""
    return {"mirror.left_out": digest(json.dumps(sorted(common)).encode())}


def final_tags(cell: Cell, common: Mapping[str, str]) -> dict[str, str]:
    """Where the finished cell's numbers come from."""
    identity = cell.description().get("identity", {})
    return {
        "identity": json.dumps(identity, sort_keys=True),
        "data_fingerprint": str(identity.get("data", {}).get("fingerprint")),
        **source_tags(cell, SOURCE),
        "mirror.digest": content_digest(cell),
        **left_out(common),
    }


def source_tags(cell: Cell | None, name: str) -> dict[str, str]:
    """What MLflow's own columns read: who, which program, which commit (`dirty`: with changes to it)."""
    tags = {"mlflow.user": user(), "mlflow.source.name": name, "mlflow.source.type": "LOCAL"}
    if cell is not None and (commit := cell.environment().get("commit")):
        tags["mlflow.source.git.commit"] = str(commit).removesuffix("+")
        tags["mlflow.source.git.dirty"] = str(str(commit).endswith("+")).lower()
    return tags


@cache
def user() -> str:
    """Who runs this; a container may know no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def all_metrics(cell: Cell, epochs: set[int] | None = None) -> list[Metric]:
    """The scores of the chosen epoch, and those of every epoch but `epochs`."""
    ended = times(cell).ended
    final = [Metric(name, value, 0, ended) for name, value in final_scores(cell).items()]
    return [*final, *epoch_metrics(cell, epochs or set())]


def final_scores(cell: Cell) -> dict[str, float]:
    """The scores of the chosen epoch, by name."""
    found: dict[str, float] = {}
    for split, scores in (cell.metrics() or {}).get("scores", {}).items():
        further = further_set(split)
        named = further_split(REFUSED.sub("_", further)) if further else split
        found |= _named(FINAL.get(split, f"{named}/"), scores)
    return found


def epoch_scores(record: Record) -> dict[str, float]:
    """Scores, learning rate and loss of one epoch by name; the loss comes last, and ends an epoch."""
    found: dict[str, float] = {}
    for split, prefix in CURVES.items():
        found |= _named(prefix, record.get(split, {}))
    return found | {"train/lr": record["lr"], "train/loss": record["loss"]}


def epoch_metrics(cell: Cell, known: set[int]) -> Iterator[Metric]:
    """What every epoch gave, of epochs that are not known."""
    for record, time_ in zip(cell.history(), times(cell).epochs, strict=False):
        if (step := record["epoch"]) not in known:
            for name, value in epoch_scores(record).items():
                yield Metric(name, value, step, time_)


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


def _named(prefix: str, scores: Record) -> dict[str, float]:
    return {f"{prefix}{key}".replace("@", "_at_"): value for key, value in scores.items()}  # MLflow refuses @


def digest(content: bytes) -> str:
    """What identifies content."""
    return hashlib.sha256(content).hexdigest()[:16]
