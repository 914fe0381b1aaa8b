"""Worker processes on this machine: one GPU each, or one share of the CPU cores."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.cell import BUSY
from bench.config import LauncherConfig
from bench.launch.slots import Slot, make_slots
from bench.store import Cell

POLL_SECONDS = 0.2
BUSY_SECONDS = 5.0  # between looks at a cell that another process is training


def launch(cells: list[Cell], config: LauncherConfig, planned: int) -> None:
    """Runs every cell in a process of its own and returns when none is left.

    A process that dies takes only its cell with it. A cell that another `run` is training is left to it and looked at
    again: it ends as done, or becomes free when that run died.

    Args:
        cells: What is missing.
        config: Launcher settings.
        planned: How many cells the whole plan has. The slots, and with them the threads of a cell and the last bits of
            its numbers, follow from the plan and the machine, not from how much of it is missing.
    """
    slots = make_slots(config, planned)
    waiting = [(cell, 0.0) for cell in cells]
    running: dict[Slot, tuple[Cell, subprocess.Popen[bytes]]] = {}
    free = list(slots)
    try:
        while waiting or running:
            now = time.monotonic()
            ready = [item for item in waiting if item[1] <= now]
            while free and ready:
                item = ready.pop(0)
                waiting.remove(item)
                slot = free.pop(0)
                running[slot] = (item[0], _start(item[0], slot, config))
            for slot, (cell, process) in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                del running[slot]
                free.append(slot)
                if code == BUSY:
                    waiting.append((cell, now + BUSY_SECONDS))
                elif code != 0:
                    _record_death(cell, code)
            time.sleep(POLL_SECONDS)
    finally:
        stop_workers([process for _, process in running.values()])


def _start(cell: Cell, slot: Slot, config: LauncherConfig) -> subprocess.Popen[bytes]:
    words = [
        f"store={cell.path.parents[1]}",
        f"id={cell.id}",
        f"checkpoint_seconds={config.checkpoint_seconds}",
    ]
    return start_worker("bench.cell", words, slot, cell.log)


def start_worker(module: str, words: list[str], slot: Slot, log_path: Path) -> subprocess.Popen[bytes]:
    """Starts `python -m module words` with what its slot may use; it ends with this process, however that ends.

    Args:
        module: Takes `threads=` and `die_with_parent=true` beside `words`.
        words: Its arguments.
        slot: GPU and threads.
        log_path: Gets everything it prints.
    """
    environment = dict(os.environ)
    if slot.gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = slot.gpu
    if slot.threads:
        environment |= {"OMP_NUM_THREADS": str(slot.threads), "MKL_NUM_THREADS": str(slot.threads)}
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *words, f"threads={slot.threads}", "die_with_parent=true"],
            stdin=subprocess.PIPE,  # closes when the launcher dies, however it dies; the worker then ends too
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the launcher alone, which then stops its workers in order
        )


def stop_workers(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ends workers and whatever they started; their checkpoints stay."""
    for process in processes:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _record_death(cell: Cell, code: int) -> None:
    """Writes why a worker ended that could not say so itself; a cell another process holds is not ours to judge."""
    with cell.lock() as free:
        if free and cell.state()["state"] not in ("done", "failed"):
            cell.update_state(state="failed", cause=cause(code), error=_tail(cell))


def cause(code: int) -> str:
    """Why a process ended, in words."""
    if code == -signal.SIGKILL:
        return "killed (signal 9), usually by the kernel for want of memory"
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended with exit code {code}"


def _tail(cell: Cell, lines: int = 20) -> str:
    return "\n".join(cell.log.read_text(errors="replace").splitlines()[-lines:]) if cell.log.exists() else ""
