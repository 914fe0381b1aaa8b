"""What people watch while cells run: a live table on a terminal, one line per change elsewhere. All on stderr."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from bench.launch.cell_status import CellStatus, counts, describe, duration, remarks, study_status, where
from bench.launch.slurm_state import HELD
from bench.storage.store import Store

SECONDS = 2.0
MOST_LINES = 100  # of a table that shows every cell
BEST = "best mIoU"
NUMBERS = ("seed", "epoch", "images/s", "left", BEST)
COLOURS = {"done": "green", "running": "cyan", "queued": "yellow", "failed": "red", "lost": "red"}


def table(title: str, statuses: list[CellStatus]) -> Table:
    """The cells of a study, one a line; in a large one those of a row that stand alike share theirs."""
    drawn = Table(title=escape(title), title_justify="left")
    splits = " or ".join(sorted({status.split for status in statuses}))
    for column in ("row", "data", "seed", "cell", "state", "epoch", "images/s", "left", BEST, "remarks"):
        drawn.add_column(
            f"{column}, {splits}" if column == BEST else column,
            justify="right" if column in NUMBERS else "left",
        )
    for alike in lines(statuses):
        status, scores = alike[0], [each.mIoU for each in alike if each.mIoU is not None]
        colour = COLOURS.get(status.state, "white")
        drawn.add_row(
            escape(status.label),
            escape(status.dataset),
            _seeds(alike),
            status.id if len(alike) == 1 else f"{len(alike):,} cells",
            f"[{colour}]{status.state}[/]",
            where(status).removeprefix("epoch ") if status.state in ("running", "lost") else "",
            f"{status.images_per_second:.3g}" if status.images_per_second is not None else "",
            duration(status.seconds_left) if status.seconds_left is not None else "",
            ("mean " if len(scores) > 1 else "") + f"{fmean(scores):.2f}" if scores else "",
            escape("; ".join(remarks(status))),
        )
    return drawn


def lines(statuses: list[CellStatus]) -> list[list[CellStatus]]:
    """The cells of each line: one, or where there are too many to read, those of a row that nothing tells apart."""
    if len(statuses) <= MOST_LINES:
        return [[status] for status in statuses]
    alike: dict[tuple[object, ...], list[CellStatus]] = {}
    for status in statuses:
        own = status.id if status.state in ("running", "lost") else ""
        key = (status.row, status.dataset, status.state, own, *remarks(status))
        alike.setdefault(key, []).append(status)
    return list(alike.values())


def _seeds(alike: list[CellStatus]) -> str:
    """`7`, or `0 to 9` of several."""
    seeds = [status.seed for status in alike]
    return f"{seeds[0]}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"


@contextmanager
def watch(store: Store, name: str) -> Iterator[None]:
    """Shows the study's cells while the block runs."""
    stop = threading.Event()
    console = Console(stderr=True)
    show = _live if console.is_terminal else _lines
    thread = threading.Thread(target=show, args=(store, name, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _live(store: Store, name: str, console: Console, stop: threading.Event) -> None:
    def draw() -> Table:
        statuses = study_status(store, store.study(name, begun=True))
        return table(f"{name}: {counts(statuses)}", statuses)

    with Live(draw(), console=console, refresh_per_second=2) as live:
        while not stop.wait(SECONDS):
            live.update(draw())
        live.update(draw())


def _lines(store: Store, name: str, console: Console, stop: threading.Event) -> None:
    """One plain line whenever a cell changes state, ends an epoch, is scored, or begins to wait for a person."""
    seen: dict[str, tuple[str, int, str | None, bool]] = {}
    while True:
        last = stop.wait(SECONDS)
        for status in study_status(store, store.study(name, begun=True)):
            held = status.state == "queued" and (status.cause or "").startswith(HELD)
            now = (status.state, int(status.epoch), status.doing, held)
            if seen.get(status.id) != now and status.state != "missing":
                print(describe(status), file=sys.stderr, flush=True)
            seen[status.id] = now
        if last:
            return
