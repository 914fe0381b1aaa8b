"""`python -m bench.status`: every cell of a study, also those never started. Imports no torch."""

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from bench.arguments import parse
from bench.errors import UserError, command
from bench.store import Cell, Store

USAGE = """
Shows every cell of a study: missing, planned, running (epoch, time left), done, failed, lost (its process was killed).

  python -m bench.status                        all studies of the store
  python -m bench.status ablation=fiam          one study
  python -m bench.status ablation=fiam --json   for scripts

keys: store=runs  ablation=NAME  json=false
exit codes: 0 all done, 1 something is not, 2 the request is wrong
"""


@dataclass(frozen=True)
class CellStatus:
    """What is known of one cell."""

    row: str
    label: str
    dataset: str
    seed: int
    id: str
    state: str
    epoch: float = 0.0  # epochs done, with the part of the current one
    epochs: int = 0
    seconds_left: float | None = None
    cause: str | None = None
    mIoU: float | None = None  # val, best so far


def study_status(store: Store, study: dict[str, Any]) -> list[CellStatus]:
    """One record per cell of the plan, in table order."""
    return [
        _cell_status(store.cell(cell["id"]), row, cell)
        for row in study["rows"]
        for cell in sorted(row["cells"], key=lambda cell: (cell["dataset"], cell["seed"]))
    ]


def _cell_status(cell: Cell, row: dict[str, Any], planned: dict[str, Any]) -> CellStatus:
    state, history = cell.state(), cell.history()
    epochs = int(cell.config().get("recipe", {}).get("epochs", 0))
    done = float(len(history))
    seconds_left = None
    if state["state"] == "running":
        progress = cell.progress()
        if progress.get("epoch") == len(history):
            done += progress["batch"] / progress["batches"]
        if history:
            seconds_left = (epochs - done) * sum(record["seconds"] for record in history) / len(history)
    scores = [score["mIoU"] for record in history for key in ("val", "test") if (score := record.get(key))]
    return CellStatus(
        row=row["key"],
        label=row["label"],
        dataset=planned["dataset"],
        seed=planned["seed"],
        id=planned["id"],
        state=state["state"],
        epoch=round(done, 2),
        epochs=epochs,
        seconds_left=seconds_left,
        cause=state.get("cause"),
        mIoU=max(scores, default=None),
    )


def describe(status: CellStatus) -> str:
    """One plain line: where the cell is, for logs and pipes."""
    line = f"{status.label} · {status.dataset} · seed {status.seed} · {status.id} · {status.state}"
    if status.state == "running":
        line += f" · epoch {status.epoch:.1f}/{status.epochs}"
    if status.seconds_left is not None:
        line += f" · {duration(status.seconds_left)} left"
    if status.mIoU is not None:
        line += f" · mIoU {status.mIoU:.2f}"
    if status.cause:
        line += f" · {status.cause}"
    return line


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3 min, 2 h 05 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def counts(statuses: list[CellStatus]) -> str:
    """`4 done, 1 failed, 1 planned`; a cell that serves two rows counts once."""
    found = Counter({status.id: status.state for status in statuses}.values())
    return ", ".join(f"{number} {state}" for state, number in found.most_common())


def failures(store: Store, statuses: list[CellStatus], retry: str) -> str:
    """Failed cells grouped by cause, each group with the end of one log and the command that tries again."""
    groups: dict[str, list[CellStatus]] = {}
    for status in statuses:
        if status.state in ("failed", "lost"):
            cause = status.cause or "the process was killed (no error was written)"
            groups.setdefault(cause, []).append(status)
    parts = []
    for cause, members in groups.items():
        cells = {member.id: f"{member.label} seed {member.seed} ({member.id})" for member in members}
        lines = [f"{len(cells)} failed: {cause}", "  " + ", ".join(cells.values())]
        cell = store.cell(members[0].id)
        lines += [f"  | {line}" for line in (cell.state().get("error") or "").strip().splitlines()[-6:]]
        parts.append("\n".join([*lines, f"  log: {cell.log}", f"  retry: {retry}"]))
    return "\n".join(parts)


@dataclass
class Arguments:
    """Arguments of `python -m bench.status`."""

    store: str = "runs"
    ablation: str | None = None
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 all done, 1 something is not, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    names = [arguments.ablation] if arguments.ablation else store.studies()
    if not names:
        raise UserError(
            f"store={arguments.store}: no study was ever planned here.",
            "Run `python -m bench.run ablation=fiam`.",
        )
    studies = {name: study_status(store, store.study(name)) for name in names}
    if arguments.json:
        print(
            json.dumps(
                {name: [asdict(status) for status in found] for name, found in studies.items()}, indent=1
            )
        )
    else:
        for name, found in studies.items():
            _print(store, store.study(name), name, found)
    return 0 if all(status.state == "done" for found in studies.values() for status in found) else 1


def _print(store: Store, study: dict[str, Any], name: str, statuses: list[CellStatus]) -> None:
    from rich.console import Console

    from bench.progress import table

    Console(width=None if sys.stdout.isatty() else 140).print(table(f"{name}: {counts(statuses)}", statuses))
    said = failures(store, statuses, study["command"])
    if said:
        print(said)


if __name__ == "__main__":
    sys.exit(main())
