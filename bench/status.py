"""`python -m bench.status`: every cell of a study, also those never started. Imports no torch."""

import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.arguments import parse
from bench.errors import UserError, command
from bench.store import GIVEN_UP, Cell, Store

if TYPE_CHECKING:
    from bench.launch.slurm_queue import Job

USER_ERROR = f"{UserError.__module__}.{UserError.__qualname__}"  # as it stands in a traceback
USAGE = """
Shows every cell of a study: missing (never started), queued (its job waits), running (epoch, speed, time left), done,
failed, lost (its process or job is gone; the same `run` goes on from its last state). `stale code` marks what was made,
or will be, by other training code than this checkout's.

  python -m bench.status                         all studies of the store
  python -m bench.status ablation=fiam           one study
  python -m bench.status ablation=fiam --watch   again and again, until nothing runs or waits
  python -m bench.status ablation=fiam --json    for scripts

keys: store=runs  ablation=NAME  watch=false  json=false
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
    images_per_second: float | None = None  # while it trains
    job: str | None = None  # its last cluster job
    stale_code: bool = False  # made by other training code than this checkout's
    cause: str | None = None
    mIoU: float | None = None  # val, best so far


def study_status(store: Store, study: dict[str, Any]) -> list[CellStatus]:
    """One record per cell of the plan, in table order."""
    from bench.launch import slurm_state, snapshot

    cells = {cell["id"]: store.cell(cell["id"]) for row in study["rows"] for cell in row["cells"]}
    jobs = slurm_state.look(cell for cell in cells.values() if not cell.done)
    code = snapshot.digest()
    return [
        _cell_status(cells[cell["id"]], row, cell, jobs.get(cell["id"]), code)
        for row in study["rows"]
        for cell in sorted(row["cells"], key=lambda cell: (cell["dataset"], cell["seed"]))
    ]


def _cell_status(
    cell: Cell, row: dict[str, Any], planned: dict[str, Any], job: "Job | None", code: str
) -> CellStatus:
    from bench.launch import slurm_state

    state, history = cell.state(), cell.history()
    if job is not None:
        state = slurm_state.merged(cell, state, job)
    recipe = cell.config().get("recipe", {})
    epochs, done = int(recipe.get("epochs", 0)), float(len(history))
    seconds_left = speed = None
    if state["state"] == "running":
        progress = cell.progress()
        if progress.get("epoch") == len(history):
            done += progress["batch"] / progress["batches"]
        speed = progress.get("images_per_second")
        if history:
            seconds_left = (epochs - done) * sum(record["seconds"] for record in history) / len(history)
        elif speed:
            seconds_left = (epochs - done) * progress["batches"] * recipe["batch_size"] / speed
    made_by = cell.job().get("code") if state["state"] == "queued" else cell.environment().get("code")
    scores = [score["mIoU"] for record in history for key in ("val", "test") if (score := record.get(key))]
    return CellStatus(
        row=row["key"],
        label=row["label"],
        dataset=planned["dataset"],
        seed=planned["seed"],
        id=planned["id"],
        state="missing" if state["state"] == "planned" else state["state"],
        epoch=round(done, 2),
        epochs=epochs,
        seconds_left=seconds_left,
        images_per_second=speed,
        job=cell.job().get("id"),
        stale_code=state["state"] in ("done", "running", "queued") and made_by not in (None, code),
        cause=state.get("cause"),
        mIoU=max(scores, default=None),
    )


def describe(status: CellStatus) -> str:
    """One plain line: where the cell is, for logs and pipes."""
    line = f"{status.label} · {status.dataset} · seed {status.seed} · {status.id} · {status.state}"
    if status.state == "running":
        line += f" · epoch {status.epoch:.1f}/{status.epochs}"
    if status.images_per_second is not None:
        line += f" · {status.images_per_second:.3g} images/s"
    if status.seconds_left is not None:
        line += f" · {duration(status.seconds_left)} left"
    if status.mIoU is not None:
        line += f" · mIoU {status.mIoU:.2f}"
    if status.stale_code:
        line += " · stale code"
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
    """`4 done, 1 failed, 1 missing, 2 of stale code`; a cell that serves two rows counts once."""
    cells = {status.id: status for status in statuses}.values()
    found = Counter(status.state for status in cells)
    said = [f"{number} {state}" for state, number in found.most_common()]
    stale = sum(status.stale_code for status in cells)
    return ", ".join([*said, *([f"{stale} of stale code"] if stale else [])])


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
        lines += [f"  | {line}" for line in _last_words(cell)]
        if len(cell.deaths()) and GIVEN_UP in cause:
            retry = f"{retry} launcher.max_failures={len(cell.deaths()) + 1}"
        parts.append("\n".join([*lines, f"  log: {cell.log}", f"  retry: {retry}"]))
    return "\n".join(parts)


def _last_words(cell: Cell, lines: int = 6) -> list[str]:
    """What to do about a mistake of the user's; the end of another error, of the cell's log, or of what Slurm kept."""
    _, mistake, said = str(cell.state().get("error") or "").rpartition(f"{USER_ERROR}: ")
    if mistake:
        return said.strip().splitlines()[1:]  # the first line is the cause
    for text in (cell.state().get("error"), _text(cell.log), _text(Path(cell.job().get("output", "")))):
        if text and text.strip():
            return text.strip().splitlines()[-lines:]
    return []


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


@dataclass
class Arguments:
    """Arguments of `python -m bench.status`."""

    store: str = "runs"
    ablation: str | None = None
    watch: bool = False
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
    if arguments.watch:
        _watch(store, names)
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


def _watch(store: Store, names: list[str]) -> None:
    """Shows one study until none of its cells runs or waits."""
    from bench.progress import SECONDS, watch

    if len(names) > 1:
        raise UserError(
            f"watch=true: the store holds {', '.join(names)}.", "Name one of them: ablation=NAME."
        )
    with watch(store, names[0]):
        while any(
            status.state in ("running", "queued") for status in study_status(store, store.study(names[0]))
        ):
            time.sleep(SECONDS)


def _print(store: Store, study: dict[str, Any], name: str, statuses: list[CellStatus]) -> None:
    from rich.console import Console

    from bench.progress import table

    Console(width=None if sys.stdout.isatty() else 140).print(table(f"{name}: {counts(statuses)}", statuses))
    said = failures(store, statuses, study["command"])
    if said:
        print(said)


if __name__ == "__main__":
    sys.exit(main())
