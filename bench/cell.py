"""One cell from start to finish: build, train, choose the epoch, score, write. `python -m bench.cell store= id=`.

Launchers call this; people call `bench.run`. A cell is locked while it runs, so it is never trained twice at once.
"""

import os
import platform
import socket
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.arguments import parse
from bench.compose import restore
from bench.config import Config
from bench.errors import UserError, command
from bench.store import Cell, Store

USAGE = """
Trains one planned cell, or goes on where it stopped. Launchers call this.

  python -m bench.cell store=runs id=0123456789ab [threads=1] [checkpoint_seconds=60]
"""
BUSY = 75  # exit code: another process is training this cell (EX_TEMPFAIL)


@dataclass
class Arguments:
    """Arguments of `python -m bench.cell`."""

    store: str = "runs"
    id: str = ""
    threads: int = 0
    checkpoint_seconds: float = 60.0
    die_with_parent: bool = False  # end when standard input closes


def run_cell(cell: Cell, checkpoint_seconds: float = 60.0) -> bool:
    """Brings a planned cell to `done`; a failure is recorded in its state, never raised.

    Args:
        cell: A planned cell.
        checkpoint_seconds: Time between checkpoints.

    Returns:
        False when another process is training the cell.
    """
    with cell.lock() as free:
        if not free:
            return False
        if cell.done:
            return True
        started = time.time()
        attempt = cell.state().get("attempt", 0) + 1
        mine = {"host": socket.gethostname(), "pid": os.getpid(), "attempt": attempt, "started": started}
        cell.update_state(state="running", error=None, cause=None, finished=None, **mine)
        try:
            config = restore(cell.config())
            config.launcher.checkpoint_seconds = checkpoint_seconds
            _train_and_score(cell, config, int(cell.description()["identity"]["seed"]))
        except Exception as error:
            cause = error.what if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            finished: dict[str, Any] = {
                "state": "failed",
                "cause": cause.splitlines()[0],
                "error": traceback.format_exc(),
            }
            print(finished["error"], file=sys.stderr, flush=True)
        else:
            finished = {"state": "done"}
        finished |= {"finished": time.time(), "seconds": round(time.time() - started, 2)}
        cell.update_state(**finished)
    return True


def _train_and_score(cell: Cell, config: Config, seed: int) -> None:
    """Everything between the lock and `metrics.json`."""
    import torch
    from accelerate import Accelerator

    from bench import checkpoint
    from bench.data.dataset import ReferringDataset
    from bench.data.usable import usable_references
    from bench.evaluate import evaluate, scores
    from bench.registry import build
    from bench.train import Progress, train
    from fianet.tokens import Tokenizer

    cuda_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    accelerator = Accelerator(mixed_precision="bf16" if cuda_bf16 else "no")
    cell.write("env", environment(accelerator.device.type, accelerator.mixed_precision))

    references, skipped = usable_references(config.data)
    tokenizer = Tokenizer.load(config.model.text.pretrained)
    sets = {
        split: ReferringDataset(
            references[split], tokenizer, config.recipe.size, config.data.max_tokens, config.data
        )
        for split in ("train", "val", "test")
    }
    torch.manual_seed(seed)
    model = build(config.model, tokenizer.vocab_size, config.recipe.size)

    last_written = 0.0

    def report(progress: Progress, batches: int) -> None:
        nonlocal last_written
        if time.monotonic() - last_written > 1:
            last_written = time.monotonic()
            cell.write("progress", {"epoch": progress.epoch, "batch": progress.batch, "batches": batches})

    progress = train(
        model, sets["train"], sets[config.protocol.select.value], config, seed, cell, accelerator, report
    )

    best = cell.checkpoints / "best.safetensors"
    checkpoint.keep_only_best(cell.checkpoints, progress.best_epoch)
    model.load_state_dict(checkpoint.load_file(best))
    frames = {}
    for split in ("val", "test"):
        frames[split] = evaluate(
            model,
            sets[split],
            accelerator,
            size=config.protocol.size,
            batch_size=config.recipe.batch_size,
            workers=config.data.workers,
        )
    import pandas as pd

    cell.write_samples(
        pd.concat([frame.assign(split=split) for split, frame in frames.items()], ignore_index=True)
    )
    parameters = list(model.parameters())
    metrics = {
        "cell": cell.id,
        "best_epoch": progress.best_epoch,
        "epochs": progress.epoch,
        "parameters": {
            "total": sum(p.numel() for p in parameters),
            "trained": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "scores": {split: scores(frame) for split, frame in frames.items()},
        "counts": {split: len(dataset) for split, dataset in sets.items()},
        "skipped": skipped,
    }
    cell.write("metrics", metrics)


def environment(device: str, precision: str) -> dict[str, Any]:
    """What the numbers were made with: versions, machine, threads, commit."""
    import accelerate
    import timm
    import torch
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else platform.processor() or platform.machine(),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "host": socket.gethostname(),
        "commit": git_commit(),
    }


def git_commit() -> str | None:
    """The commit of the running code, with `+` when files differ from it; None outside a checkout."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return None


def _exit_at_end_of_input() -> None:
    """Ends this process at once when the launcher is gone; the last checkpoint stays, as with any kill."""
    while os.read(0, 1024):  # not sys.stdin: a buffered read still waiting at exit aborts the interpreter
        pass
    os._exit(1)


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 failed, 75 another process is training it."""
    arguments = parse(argv, Arguments, USAGE)
    cell = Store(arguments.store).cell(arguments.id)
    if not cell.description():
        raise UserError(
            f"id={arguments.id}: {arguments.store} holds no such cell.", "Cells are planned by bench.run."
        )
    if arguments.die_with_parent:
        threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    if not run_cell(cell, arguments.checkpoint_seconds):
        return BUSY
    return 0 if cell.done else 1


if __name__ == "__main__":
    sys.exit(main())
