"""Worker processes on this machine: one GPU each, or one share of the CPU cores."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.config.schema import LauncherConfig
from bench.launch.devices import Devices, share_machine
from bench.storage.cell import Cell
from bench.storage.files import NO_SPACE, no_space
from bench.terminal.command_line import word
from bench.training.cell import BUSY
from bench.training.team import MEETING, meeting

POLL_SECONDS = 0.2
BUSY_SECONDS = 5.0  # between looks at a cell that another process is training
Team = list[subprocess.Popen[bytes]]  # the processes of one cell


def launch(cells: list[Cell], config: LauncherConfig, planned: int) -> None:
    """Runs every cell in a process of its own and returns when none is left.

    A process that dies takes only its cell with it. A cell that another `run` is training is left to it and looked at
    again: it ends as done, or becomes free when that run died.

    Args:
        cells: What is missing.
        config: Launcher settings.
        planned: How many cells the whole plan has. What each gets of the machine, and with it the threads of a cell
            and the last bits of its numbers, follows from the plan and the machine, not from how much of it is missing.
    """
    waiting = [(cell, 0.0) for cell in cells]
    running: dict[Devices, tuple[Cell, Team]] = {}
    free = share_machine(config, planned)
    try:
        while waiting or running:
            now = time.monotonic()
            ready = [item for item in waiting if item[1] <= now]
            while free and ready:
                item = ready.pop(0)
                waiting.remove(item)
                if item[0].locked():
                    # by another run, which starting a whole worker would tell at the price of a core
                    waiting.append((item[0], now + BUSY_SECONDS))
                    continue
                if item[0].done:  # by that run
                    continue
                devices = free.pop(0)
                running[devices] = (item[0], _start(item[0], devices, config))
            for devices, (cell, team) in list(running.items()):
                code = ended(team)
                if code is None:
                    continue
                del running[devices]
                free.append(devices)
                if code == BUSY:
                    waiting.append((cell, now + BUSY_SECONDS))
                elif code != 0:
                    _record_death(cell, code)
            time.sleep(POLL_SECONDS)
    finally:
        stop_workers([process for _, team in running.values() for process in team])


def _start(cell: Cell, devices: Devices, config: LauncherConfig) -> Team:
    words = [
        word("store", cell.path.parents[1]),
        f"id={cell.id}",
        f"checkpoint_seconds={config.checkpoint_seconds}",
    ]
    return [start_worker("bench.cell", words, devices, cell.log, place) for place in places(config.processes)]


def places(processes: int) -> list[dict[str, str]]:
    """What tells each of the processes of one cell where it stands and where they meet; alone, nothing."""
    if processes == 1:
        return [{}]
    shared = {MEETING: meeting(), "GLOO_SOCKET_IFNAME": "lo"}
    shared |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def ended(team: Team) -> int | None:
    """The exit code that tells how a cell's processes ended, None while they work.

    When one ends badly the others wait for it in vain, and are ended too. What died of a signal is to blame, else the
    first process, which alone can say more.
    """
    codes = [process.poll() for process in team]
    if all(code is None for code in codes) or (None in codes and not any(codes)):
        return None
    if None in codes:
        stop_workers([process for process, code in zip(team, codes, strict=True) if code is None])
    bad = [code for code in codes if code]
    return min(bad) if bad and min(bad) < 0 else (bad or [0])[0]


def start_worker(
    module: str, words: list[str], devices: Devices, log_path: Path, place: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts `python -m module words` on its share of the machine; it ends with this process, however that ends.

    Args:
        module: Takes `threads=` and `die_with_parent=true` beside `words`.
        words: Its arguments.
        devices: GPU and threads.
        log_path: Gets everything it prints.
        place: More of its environment.
    """
    environment = os.environ | (place or {})
    if devices.gpus is not None:
        environment["CUDA_VISIBLE_DEVICES"] = devices.gpus
    if devices.threads:
        environment |= {"OMP_NUM_THREADS": str(devices.threads), "MKL_NUM_THREADS": str(devices.threads)}
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *words, f"threads={devices.threads}", "die_with_parent=true"],
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
        # a process beside one that was killed can only guess why
        known = ("done",) if code < 0 else ("done", "failed")
        if not free or cell.state()["state"] in known:
            return
        try:
            cell.update_state(state="failed", cause=cause(code), error=_tail(cell))
        except OSError as error:
            if not no_space(error):
                raise
            print(f"{error.filename}: {NO_SPACE}", file=sys.stderr)


def cause(code: int) -> str:
    """Why a process ended, in words."""
    if code == -signal.SIGKILL:
        return "killed (signal 9), usually by the kernel for want of memory"
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended with exit code {code}"


def _tail(cell: Cell, lines: int = 20) -> str:
    return "\n".join(cell.log.read_text(errors="replace").splitlines()[-lines:]) if cell.log.exists() else ""
