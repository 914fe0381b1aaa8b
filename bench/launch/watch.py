"""What people watch while cells run: a live table on a terminal, one line per change elsewhere. All on stderr."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from bench.launch.cell_status import CellStatus, counts, describe, duration, study_status
from bench.launch.slurm_state import HELD
from bench.storage.store import Store

SECONDS = 2.0
NUMBERS = ("seed", "epoch", "images/s", "left", "mIoU")
COLOURS = {"done": "green", "running": "cyan", "queued": "yellow", "failed": "red", "lost": "red"}


def table(title: str, statuses: list[CellStatus]) -> Table:
    """The cells of a study, one a line."""
    drawn = Table(title=escape(title), title_justify="left")
    for column in ("row", "data", "seed", "cell", "state", "epoch", "images/s", "left", "mIoU", "cause"):
        drawn.add_column(column, justify="right" if column in NUMBERS else "left")
    for status in statuses:
        colour = COLOURS.get(status.state, "white")
        drawn.add_row(
            escape(status.label),
            escape(status.dataset),
            str(status.seed),
            status.id,
            f"[{colour}]{status.state}[/]" + (", stale code" if status.stale_code else ""),
            f"{status.epoch:.1f}/{status.epochs}" if status.state in ("running", "lost") else "",
            f"{status.images_per_second:.3g}" if status.images_per_second is not None else "",
            duration(status.seconds_left) if status.seconds_left is not None else "",
            f"{status.mIoU:.2f}" if status.mIoU is not None else "",
            escape(status.cause or ""),
        )
    return drawn


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
    """One plain line whenever a cell changes state, finishes an epoch, or begins to wait for a person."""
    seen: dict[str, tuple[str, int, bool]] = {}
    while True:
        last = stop.wait(SECONDS)
        for status in study_status(store, store.study(name, begun=True)):
            held = status.state == "queued" and (status.cause or "").startswith(HELD)
            now = (status.state, int(status.epoch), held)
            if seen.get(status.id) != now and status.state != "missing":
                print(describe(status), file=sys.stderr, flush=True)
            seen[status.id] = now
        if last:
            return
