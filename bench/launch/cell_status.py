"""What is known of every cell of a plan, also of those never started, and how it is said. Imports no torch."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.storage.cell import GIVEN_UP, Cell, Record
from bench.storage.history import trained
from bench.storage.store import Store
from bench.terminal.command_line import changed
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    from bench.launch.slurm_queue import Job

OPEN = ("done", "running", "queued")
# as it stands in a traceback, whatever module it was in when that was stored
USER_ERROR = re.compile(rf"^\S*\b{UserError.__qualname__}: ", re.MULTILINE)


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
    warnings: tuple[str, ...] = ()  # what a finished cell lacks beside its numbers
    mIoU: float | None = None  # best so far, on the split that chooses the epoch
    split: str = "val"  # which that is
    resumed: float | None = None  # epochs that were done when it was begun again
    doing: str | None = None  # after the last epoch: scoring a split


def study_status(store: Store, study: dict[str, Any]) -> list[CellStatus]:
    """One record per cell of the plan, in table order."""
    from bench.launch import slurm_state
    from bench.storage import snapshot

    cells = {cell["id"]: store.cell(cell["id"]) for row in study["rows"] for cell in row["cells"]}
    states = {id_: cell.state() for id_, cell in cells.items()}
    jobs = slurm_state.jobs_of(cell for id_, cell in cells.items() if states[id_]["state"] != "done")
    code = snapshot.digest()
    known = [
        (cell, _cell_status(cells[cell["id"]], states[cell["id"]], row, cell, jobs.get(cell["id"]), code))
        for row in study["rows"]
        for cell in sorted(row["cells"], key=lambda cell: (cell["dataset"], cell["seed"]))
    ]
    # of an earlier plan, what ended without a result is no part of what is asked for now
    return [status for cell, status in known if "earlier" not in cell or status.state in OPEN]


def _cell_status(
    cell: Cell, state: Record, row: Record, planned: Record, job: "Job | None", code: str
) -> CellStatus:
    from bench.launch import slurm_state

    history, submitted = cell.history(), cell.job()
    if job is not None:
        state = slurm_state.merged(cell, state, job)
    recipe = cell.config().get("recipe", {})
    epochs, done = int(recipe.get("epochs", 0)), float(len(history))
    seconds_left = speed = doing = None
    if state["state"] == "running":
        progress = cell.progress()
        if progress.get("epoch") == len(history):
            done += progress["batch"] / progress["batches"]
        speed, doing = progress.get("images_per_second"), progress.get("doing")
        whole = progress.get("batches", 0) * recipe.get("batch_size", 0)
        images, seconds = trained(history, whole)
        if doing:
            seconds_left = None  # nobody knows how fast it is scored
        elif images:
            seconds_left = (epochs - done) * whole * seconds / images
        elif speed:
            seconds_left = (epochs - done) * whole / speed
    made_by = submitted.get("code") if state["state"] == "queued" else cell.environment().get("code")
    split = "test" if history and "test" in history[0] else "val"
    scores = [record[split]["mIoU"] for record in history if split in record]
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
        job=submitted.get("id"),
        stale_code=state["state"] in ("done", "running", "queued") and made_by not in (None, code),
        cause=state.get("cause"),
        warnings=tuple(state.get("warnings") or ()),
        mIoU=max(scores, default=None),
        split=split,
        resumed=state.get("resumed") if state["state"] == "running" else None,
        doing=doing,
    )


def describe(status: CellStatus) -> str:
    """One plain line: where the cell is, for logs and pipes."""
    line = f"{status.label} · {status.dataset} · seed {status.seed} · {status.id} · {status.state}"
    if status.state == "running":
        line += f" · {where(status)}"
    if status.images_per_second is not None:
        line += f" · {status.images_per_second:.3g} images/s"
    if status.seconds_left is not None:
        line += f" · {duration(status.seconds_left)} left"
    if status.mIoU is not None:
        line += f" · best {status.split} mIoU {status.mIoU:.2f}"
    return line + "".join(f" · {said}" for said in remarks(status))


def where(status: CellStatus) -> str:
    """Where training stands: `epoch 2.4/18`, where it was begun again, or what is done after it."""
    if status.doing:
        return status.doing
    again = f", resumed at {status.resumed:.1f}" if status.resumed is not None else ""
    return f"epoch {status.epoch:.1f}/{status.epochs}{again}"


def remarks(status: CellStatus) -> list[str]:
    """Why the cell is where it is, what made it, and what it lacks though it is done."""
    known = [status.cause, "stale code" if status.stale_code else None]
    return [*filter(None, known), *(f"note: {line}" for line in status.warnings)]


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
    """Failed and lost cells by state and cause, each group with the end of one log and what tries again."""
    groups: dict[tuple[str, str], list[CellStatus]] = {}
    for status in statuses:
        if status.state in ("failed", "lost"):
            cause = status.cause or "the process was killed (no error was written)"
            groups.setdefault((status.state, cause), []).append(status)
    parts = []
    for (state, cause), members in groups.items():
        cells = {member.id: f"{member.label} seed {member.seed} ({member.id})" for member in members}
        lines = [f"{len(cells)} {state}: {cause}", "  " + ", ".join(cells.values())]
        cell = store.cell(members[0].id)
        lines += [f"  | {line}" for line in _last_words(cell)]
        more = len(cell.deaths()) + 1
        again = changed(retry, "launcher.max_failures", more) if GIVEN_UP in cause else retry
        parts.append("\n".join([*lines, f"  log: {cell.log}", f"  retry: {again}"]))
    return "\n".join(parts)


def _last_words(cell: Cell, lines: int = 6) -> list[str]:
    """What to do about a mistake of the user's; the end of another error, of the cell's log, or of what Slurm kept."""
    said = USER_ERROR.split(str(cell.state().get("error") or ""))
    if len(said) > 1:
        return said[-1].strip().splitlines()[1:]  # the first line is the cause
    for text in (cell.state().get("error"), _text(cell.log), _text(Path(cell.job().get("output", "")))):
        if text and text.strip():
            return text.strip().splitlines()[-lines:]
    return []


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""
