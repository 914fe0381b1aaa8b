"""Several processes of one cell: how they find each other, and how none waits for ever when another leaves.

A collective waits for a process that left until its timeout, which is half an hour. So whoever leaves early says why in
the store through which all of them met; a thread of each looks there once a second and ends its process, whatever
that waits for. A sudden death tells nobody: launchers end the others then.
"""

import os
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.distributed import Store

MEETING = "BENCH_MEETING"  # environment variable: the file in which process 0 writes the port it listens on
MEETING_SECONDS = 300.0
LOOK_SECONDS = 1.0
GRACE_SECONDS = 10.0  # in which a process that heard of it may end by itself
LINGER_SECONDS = 30.0  # how long one that leaves waits for the others to hear of it
MET, LEFT, HEARD, ASKED = "bench/met", "bench/left", "bench/heard", "bench/asked"


def meeting() -> str:
    """A file, not there yet, through which the processes of one cell on this machine find each other."""
    return str(Path(tempfile.gettempdir()) / f"bench-{secrets.token_hex(8)}.port")


def meet(rank: int, processes: int) -> "Store":
    """The store all processes of a cell share, kept by process 0.

    On one machine process 0 listens on whatever port is free and then says which. Elsewhere the launcher chose one.
    """
    from torch.distributed import TCPStore, rendezvous

    name = os.environ.get(MEETING)
    if name is None:
        store: Store = next(rendezvous("env://", rank, processes))[0]
        return store
    file = Path(name)
    if rank == 0:
        listening = TCPStore("127.0.0.1", 0, processes, is_master=True, wait_for_workers=False)
        written = file.with_suffix(".tmp")
        written.write_text(str(listening.port))
        os.replace(written, file)
        listening.wait(
            [f"{MET}/{other}" for other in range(1, processes)], timedelta(seconds=MEETING_SECONDS)
        )
        file.unlink(missing_ok=True)
        return listening
    deadline = time.monotonic() + MEETING_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"process 0 did not come to {file} in {MEETING_SECONDS:.0f} s")
        time.sleep(0.05)
    store = TCPStore("127.0.0.1", int(file.read_text()), processes, is_master=False)
    store.set(f"{MET}/{rank}", "")
    return store


class Team:
    """What a process knows of those it trains a cell with.

    Args:
        store: From `meet`.
        rank: This process.
        processes: How many there are.
    """

    def __init__(self, store: "Store", rank: int, processes: int) -> None:
        self._store, self._rank, self._processes = store, rank, processes
        self._ended = threading.Event()
        self._said: str | None = None
        self.over = False  # somebody left: no collective comes to its end any more

    def leave(self, cause: str, fault: bool = True) -> None:
        """Tells the others that this process leaves, and stays until they have heard of it or half a minute went by.

        Args:
            cause: Why, in a line.
            fault: Whether the cell failed with that; else the others end without an error.
        """
        self.over = True
        self._ended.set()
        try:
            if not self._store.check([LEFT]):
                self._store.set(LEFT, f"{int(fault)}process {self._rank}: {cause}")
            deadline = time.monotonic() + LINGER_SECONDS
            while time.monotonic() < deadline and not self._heard():
                time.sleep(0.1)
        except RuntimeError:  # process 0 is gone, and with it the store
            return

    def _heard(self) -> bool:
        """Process 0 leaves when all have heard; the others when it is gone, so that it can write down why."""
        heard = self._store.check([f"{HEARD}/{other}" for other in range(1, self._processes)])
        return heard and self._rank == 0

    def left(self) -> str | None:
        """Which process left early and why; None while all are there."""
        return self._look()[1]

    def _look(self) -> tuple[bool, str | None]:
        """Whether it was a fault, and what was said; remembered, because the store goes with process 0."""
        if self._said is None:
            try:
                if self._store.check([LEFT]):
                    self._said = self._store.get(LEFT).decode()
                    self._store.set(f"{HEARD}/{self._rank}", "")
            except RuntimeError:
                self._said = self._said or "1process 0 is gone"
        return (False, None) if self._said is None else (self._said[0] == "1", self._said[1:])

    def ask(self) -> None:
        """Asks all to end together at their next occasion: a signal was noted here."""
        self._store.set(ASKED, "")

    def asked(self) -> bool:
        """Whether one of them asked."""
        return self._store.check([ASKED])

    def watch(self, record: Callable[[str], None]) -> None:
        """Ends this process when another left and this one does not end by itself.

        Args:
            record: Told why, before that.
        """
        threading.Thread(target=self._watch, args=(record,), daemon=True).start()

    def _watch(self, record: Callable[[str], None]) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            fault, cause = self._look()
            if cause is None:
                continue
            self.over = True
            if self._ended.wait(GRACE_SECONDS):
                return
            print(f"ended: {cause}", file=sys.stderr, flush=True)
            if fault:
                record(cause)
            # process 0 alone says whether a cell failed: an error of another would have it killed before it can
            os._exit(1 if fault and self._rank == 0 else 0)

    def end(self) -> None:
        """Watches no more."""
        self._ended.set()
