"""Makes one cell's result: data and model in, training (or imported weights), scores and files out.

Imports torch; `bench.cell` decides when this runs and records how it ended.
"""

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn

from bench.config.schema import Config
from bench.data.sets import Sets, open_sets
from bench.inference.alignment import measure_alignment
from bench.models.build import build_model
from bench.models.bundle import load_bundle
from bench.models.looked import remember_text
from bench.models.precision import running
from bench.models.released import load_reference
from bench.models.vocabulary import configured_tokenizer
from bench.storage.attention_maps import write_maps
from bench.storage.cell import Cell
from bench.storage.environment import environment
from bench.terminal.errors import UserError, one_line
from bench.training import checkpoint, distributed, interrupt
from bench.training.checkpointing import keep_less
from bench.training.evaluate import evaluate_together, scores
from bench.training.interrupt import Stop
from bench.training.log import tell
from bench.training.train import Progress, Report, silent, stop_at_signal, train
from bench.training.unchanged import check_unchanged
from fianet.tokens import Tokenizer


def make_result(
    cell: Cell, config: Config, seed: int, stop: Stop, most: Mapping[str, int] | None = None
) -> None:
    """Everything between the lock and `metrics.json`; no metrics where `stop` ended training early.

    Where several processes make it, each calls this, and process 0 writes.

    Args:
        cell: Where files go.
        config: The cell's configuration.
        seed: Of weights, data order and dropout.
        stop: Asked after every epoch whether to leave the cell there, resumable.
        most: How many references of each split are enough; None: all.

    Raises:
        UserError: Data, weights, vocabulary or precision that cannot be used, or are not those that were planned.
        Diverged: The loss became NaN or infinite.
        Interrupted: A signal asked to stop; the state is saved.
    """
    accelerator = distributed.make_accelerator(config.recipe.precision)
    main = accelerator.is_main_process
    if main:
        about = environment(accelerator.device.type, running(accelerator), accelerator.num_processes)
        cell.write("env", about)
    check_unchanged(cell.description()["identity"], config)
    if config.weights:
        model, tokenizer = imported(config)
        sets = open_sets(config, tokenizer, most, tell=main)
        remember_text(model)
        model.to(accelerator.device)
        progress = Progress()
    else:
        tokenizer = configured_tokenizer(config)
        sets = open_sets(config, tokenizer, most, tell=main)
        torch.manual_seed(seed)
        model = build_model(config.model, tokenizer.vocab_size, config.recipe.size)
        if config.recipe.checkpointing:
            keep_less(model)
        remember_text(model)
        model = distributed.synchronise_norms(model, accelerator)
        train_set, select_set = sets.splits["train"], sets.splits[config.protocol.select.value]
        images = min(config.recipe.batch_size, len(train_set))
        report = reporter(cell, images) if main else silent
        progress = train(model, train_set, select_set, config, seed, cell, accelerator, report, stop)
        if progress.epoch < config.recipe.epochs:
            return
        if main:
            checkpoint.keep_only_best(cell.checkpoints, progress.best_epoch)
        accelerator.wait_for_everyone()
        model.load_state_dict(load_file(cell.checkpoints / "best.safetensors"))
    _score(cell, config, model, sets, accelerator, progress)


def imported(config: Config) -> tuple[nn.Module, Tokenizer]:
    """The model that `weights=` names, and the vocabulary it was trained with.

    Raises:
        UserError: No such file, unsafe, or weights of another image size.
    """
    path = str(config.weights)
    if path.endswith((".pth", ".pt", ".bin")):
        return load_reference(path, config.model.fusion_heads, config.recipe.size), configured_tokenizer(
            config
        )
    bundle = load_bundle(path)
    if bundle.size != config.recipe.size:
        raise UserError(
            f"weights={path}: made for images of {bundle.size} px, the recipe's are {config.recipe.size} px.",
            f"Pass recipe.size={bundle.size}.",
        )
    return bundle.model, bundle.tokenizer() or configured_tokenizer(config)


def reporter(cell: Cell, images: int) -> Report:
    """Writes where training stands, at most once a second; ends it where another process took the cell over.

    Args:
        cell: The cell.
        images: Of a batch.
    """
    last_written, steps, began = 0.0, -1, 0.0
    attempt = cell.state().get("attempt")

    def report(progress: Progress, batches: int) -> None:
        nonlocal last_written, steps, began
        steps += 1
        # building, a state that is read or an evaluation lie before the first step of a process and of an epoch
        if steps == 0 or progress.batch == 1:
            steps, began = 0, time.monotonic()
        if time.monotonic() - last_written > 1:
            last_written = time.monotonic()
            if (
                cell.state().get("attempt", attempt) != attempt
            ):  # a disk without locks, or a node that was believed dead
                raise interrupt.Superseded
            where: dict[str, Any] = {"epoch": progress.epoch, "batch": progress.batch, "batches": batches}
            if steps:
                where["images_per_second"] = round(steps * images / (time.monotonic() - began), 3)
            cell.write("progress", where)

    return report


def _score(
    cell: Cell, config: Config, model: nn.Module, sets: Sets, accelerator: Accelerator, progress: Progress
) -> None:
    """Scores every split and writes samples, then metrics: the file that alone means done. All else comes after it."""
    frames: dict[str, pd.DataFrame] = {}
    for splits in sets.scored:
        doing = f"scoring {' and '.join(splits)}"
        tell(accelerator, doing)
        if accelerator.is_main_process:
            cell.write("progress", {"epoch": progress.epoch, "batch": 0, "batches": 1, "doing": doing})
        frames |= evaluate_together(
            model,
            {split: sets.splits[split] for split in splits},
            accelerator,
            size=config.protocol.size,
            batch_size=config.recipe.batch_size,
            workers=config.data.workers,
            progress=stop_at_signal,
        )
    if not accelerator.is_main_process:
        return
    cell.write_samples(
        pd.concat([frame.assign(split=split) for split, frame in frames.items()], ignore_index=True)
    )
    parameters = list(model.parameters())
    scored = {split: scores(frame) for split, frame in frames.items()}
    metrics = {
        "cell": cell.id,
        "best_epoch": progress.best_epoch,
        "epochs": progress.epoch,
        "parameters": {
            "total": sum(p.numel() for p in parameters),
            "trained": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "scores": scored,
        "counts": {split: len(dataset) for split, dataset in sets.splits.items()},
        "skipped": sets.skipped,
    }
    if not (config.weights or sets.training.whole):
        metrics["subset"] = {"images": sets.training.images, "of": sets.training.of}
    cell.write("metrics", metrics)
    for split, score in scored.items():
        tell(accelerator, f"{split}: mIoU {score['mIoU']:.2f}, oIoU {score['oIoU']:.2f}")
    _afterwards(cell, "removal of training states", lambda: checkpoint.drop_states(cell.checkpoints))

    def keep_maps() -> None:
        if maps := measure_alignment(model, sets.splits["test"], sets.tokenizer, frames["test"]):
            write_maps(cell, maps)

    _afterwards(cell, "the maps of FIAM", keep_maps)


def _afterwards(cell: Cell, what: str, make: Callable[[], None]) -> None:
    """Makes what a finished cell has beside its numbers; a failure is a warning in its record, with more in the log."""
    try:
        make()
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        cell.warn(f"{what}: {one_line(error)}")
