"""What this machine has that a configuration may ask for. Imports no torch."""

import os
import subprocess
from functools import cache

from bench.config.choices import LauncherKind
from bench.config.schema import LauncherConfig


def visible_gpus() -> list[str]:
    """Indices of the GPUs this process may use, asked of the driver's tool so that no torch is loaded here."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [index for index in chosen.split(",") if index.strip() not in ("", "-1")]
    return [str(index) for index in range(_gpus_of_the_machine())]


def on_gpu(launcher: LauncherConfig) -> bool:
    """Whether cells train on GPUs: those that a job asks for, or this machine's."""
    return launcher.gpus > 0 if launcher.name == LauncherKind.slurm else bool(visible_gpus())


@cache
def _gpus_of_the_machine() -> int:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU") for line in listed.stdout.splitlines())
