"""What this machine can run at once: one GPU a worker, else a share of the CPU cores."""

import os
import subprocess
from dataclasses import dataclass

from bench.config import LauncherConfig


@dataclass(frozen=True)
class Slot:
    """What one worker may use: a GPU index, or None for CPU threads alone; its number tells it from its equals."""

    number: int
    gpu: str | None
    threads: int


def make_slots(config: LauncherConfig, planned: int) -> list[Slot]:
    """One slot per GPU, else the cores split among `workers`."""
    gpus = visible_gpus()
    if gpus:
        workers = config.workers or len(gpus)
        return [Slot(i, gpus[i % len(gpus)], config.threads) for i in range(workers)]
    cores = len(os.sched_getaffinity(0))
    workers = config.workers or max(1, min(cores, planned))
    return [Slot(i, None, config.threads or max(1, cores // workers)) for i in range(workers)]


def visible_gpus() -> list[str]:
    """Indices of the GPUs this process may use, asked of the driver's tool so that no torch is loaded here."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [index for index in chosen.split(",") if index.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(i) for i, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU")]
