"""What is said of an experiment, a study, a row and a cell where MLflow shows a description: Markdown, plain values."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from bench.storage.cell import Cell, Record
from bench.storage.history import chosen_epoch
from bench.tracking.client import masked
from bench.tracking.content import Place, final_scores

EXPERIMENT = (
    "Referring remote sensing image segmentation: study → row → seed, mirrored from a store of files.\n\n"
    "- A **study** and a **row** carry means over what hangs under them, `_std` and `_best` of mIoU and oIoU; "
    "a **seed** its own numbers.\n"
    "- `train/` and `val/` have a value an epoch. `test/`, `test_shuffled/` (sentences of other images) and "
    "`val_chosen/` are scores at the chosen epoch.\n"
    "- *Model metrics* of a seed ends with what it predicted for three expressions of val, epoch by epoch.\n"
    "- The report of a study lies under its run's *Artifacts*: `report/index.html`. Means that differ need not be "
    "rows that differ: the report says which do.\n"
)
LONGEST = 7500  # characters; MLflow takes 8000 bytes
SHOWN = ("test/mIoU", "test/oIoU", "val_chosen/mIoU")
SPLITS = {"val_chosen/": "val", "test/": "test", "test_shuffled/": "test, shuffled sentences"}
GAP = "&emsp;"  # after every cell: MLflow's pages draw tables without room between columns
Lines = Sequence[tuple[Place, dict[str, float]]]


def study(record: Record, lines: Lines, done: int, planned: int) -> str:
    """A study: what it asks, the means of its rows, how it was run."""
    groups: dict[tuple[str, str], list[dict[str, float]]] = {}
    for place, scores in lines:
        groups.setdefault((place.label, place.dataset), []).append(scores)
    rows = [
        [_plain(label), _plain(dataset), str(len(found)), *(_spread(found, name) for name in SHOWN)]
        for (label, dataset), found in groups.items()
    ]
    said = [
        f"**{_plain(record['title'])}.** {_plain(record.get('caption') or '')}".strip(),
        f"{done} of {planned} cells done. Means ± standard deviation over seeds:",
        _table(["row", "data", "seeds", *SHOWN], rows),
        "What these numbers support, and what not: *Artifacts*, `report/index.html`.",
        f"    {masked(str(record.get('command', '')))}",
    ]
    return _cut("\n\n".join(said))


def row(record: Record, label: str, changed: Mapping[str, str], lines: Lines) -> str:
    """A row: what it changes, and its seeds."""
    rows = [
        [str(place.seed), _plain(place.dataset), *(_number(scores, name) for name in SHOWN)]
        for place, scores in lines
    ]
    said = [
        f"**{_plain(label)}**, a row of the study {_plain(record['name'])}. {_plain(record['title'])}.",
        "Metrics of this run are means over its seeds.",
        _table(["seed", "data", *SHOWN], rows),
        "What it has of its own:",
        "\n".join(f"- `{name}={value}`" for name, value in changed.items()) or "- nothing",
    ]
    return _cut("\n\n".join(said))


def cell(found: Cell, place: Place, study_name: str) -> str:
    """A seed: its scores, and what to do with it."""
    scores, metrics = final_scores(found), found.metrics() or {}
    names = list(dict.fromkeys(name.split("/")[-1] for name in scores if name.startswith(tuple(SPLITS))))
    rows = [
        [split, *(_number(scores, prefix + name) for name in names)]
        for prefix, split in SPLITS.items()
        if any(name.startswith(prefix) for name in scores)
    ]
    protocol = found.config().get("protocol", {})
    epoch = chosen_epoch(metrics)
    chosen = (
        f"{epoch}, chosen on {protocol.get('select')} by {protocol.get('metric')}."
        if epoch
        else "Scored without training."
    )
    said = [
        f"**{_plain(place.label)}** on {_plain(place.dataset)}, seed {place.seed}, of the study {_plain(study_name)}. "
        f"{chosen}",
        _table(["", *(name.replace("_at_", "@") for name in names)], rows),
        "Its files lie in the store's `cells/" + found.id + "`. Its model, to predict with:",
        f"    python -m bench.weights export cell={found.id} out=exported",
    ]
    return _cut("\n\n".join(said))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [[f"{cell}{GAP}" for cell in line] for line in (head, *rows)]
    lines.insert(1, ["---"] * len(head))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _spread(found: Sequence[Mapping[str, float]], name: str) -> str:
    values = [scores[name] for scores in found if name in scores]
    if not values:
        return ""
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _number(scores: Mapping[str, float], name: str) -> str:
    return f"{scores[name]:.2f}" if name in scores else ""


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _cut(text: str) -> str:
    """What MLflow takes, ending at a line."""
    if len(text.encode()) <= LONGEST:
        return text
    kept = text.encode()[:LONGEST].decode(errors="ignore")
    return kept[: kept.rfind("\n") + 1] + "\n…"
