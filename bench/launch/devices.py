"""What this machine can run at once: one GPU a process, else a share of the CPU cores."""

import os
from dataclasses import dataclass

from bench.config.choices import LauncherKind
from bench.config.machine import visible_gpus
from bench.config.schema import LauncherConfig
from bench.terminal.errors import UserError


def cells_at_once(config: LauncherConfig, planned: int) -> int:
    """How many of a plan's cells train at the same time.

    Raises:
        UserError: Fewer GPUs than the processes of one cell.
    """
    match config.name:
        case LauncherKind.inline:
            return 1
        case LauncherKind.slurm:
            return config.max_parallel
        case LauncherKind.local:
            return len(share_machine(config, planned))


@dataclass(frozen=True)
class Devices:
    """What the processes of one cell may use; its number tells it from its equals."""

    number: int
    gpus: str | None  # indices, one a process; None: CPU threads alone
    threads: int  # a process


def share_machine(config: LauncherConfig, planned: int) -> list[Devices]:
    """One GPU (`processes` of them) for each cell that runs at once, else the cores split among `workers`.

    Raises:
        UserError: Fewer GPUs than the processes of one cell.
    """
    gpus, each = visible_gpus(), config.processes
    if gpus:
        teams = [",".join(gpus[i : i + each]) for i in range(0, len(gpus) - each + 1, each)]
        if not teams:
            raise UserError(
                f"launcher.processes={each}: this machine has {len(gpus)} GPUs.",
                "Use as many processes as GPUs at most.",
            )
        workers = config.workers or len(teams)
        return [Devices(i, teams[i % len(teams)], config.threads) for i in range(workers)]
    cores = len(os.sched_getaffinity(0))
    workers = config.workers or max(1, min(cores // each, planned))
    return [Devices(i, None, config.threads or max(1, cores // (workers * each))) for i in range(workers)]
