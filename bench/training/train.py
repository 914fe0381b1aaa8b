"""Trains one cell. Read top to bottom: for epoch, for batch: step; evaluate; keep the best; save.

Everything random follows from (seed, epoch, position), or from the random state that a checkpoint carries, so a run
killed anywhere goes on to the same bytes as one that was not (on the CPU, with the same number of threads).

Several processes may train one cell, a part of every batch each (`distributed`): batches, learning rates and
losses are those of one process; batch norm sees the whole batch on GPUs and a process's part of it on CPUs.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from bench.config.choices import Neck
from bench.config.schema import Config, RecipeConfig
from bench.data.augment import erase_boxes, references_to_erase
from bench.data.dataset import ReferringDataset, loader
from bench.models.inputs import TEXT, normalize
from bench.storage.cell import Cell
from bench.terminal.errors import UserError, one_line
from bench.training import checkpoint, distributed, interrupt
from bench.training.compiling import compile_steps
from bench.training.evaluate import evaluate, scores
from bench.training.interrupt import Stop
from bench.training.log import epoch_line, tell
from bench.training.losses import EVERYTHING, Divisors, divisors, segmentation_loss, share_of
from bench.training.pending import Pending
from bench.training.previews import keep_previews
from fianet.segmenter import Segmenter
from fianet.timm_encoder import TimmEncoder

# what the published codes call the backbone, but for LGCE's neck
BACKBONE = ("encoder.", "fusions.", "neck.")


@dataclass
class Progress:
    """Where training stands: all a checkpoint holds beside tensors."""

    epoch: int = 0
    batch: int = 0  # batches of this epoch done
    loss: float = 0.0  # summed over them
    best_epoch: int = -1
    best_score: float = -1.0
    history: list[dict[str, Any]] = field(default_factory=list)


Report = Callable[[Progress, int], None]


def silent(progress: Progress, batches: int) -> None:
    """A report to nobody."""


def train(
    model: nn.Module,
    train_set: ReferringDataset,
    select_set: ReferringDataset,
    config: Config,
    seed: int,
    cell: Cell,
    accelerator: Accelerator,
    report: Report = silent,
    stop: Stop = lambda history: False,
) -> Progress:
    """Trains to the end of the recipe, from the last checkpoint if there is one.

    Args:
        model: The segmenter, freshly built; trained in place.
        train_set: Expressions to learn from.
        select_set: The split that chooses the epoch.
        config: The cell's configuration.
        seed: Of the order of the data, the boxes and dropout.
        cell: Where checkpoints and history go.
        accelerator: Decides device and precision, and knows the processes that train this cell together.
        report: Called after every step with the progress and the batches an epoch has.
        stop: Asked after every epoch but the last, with the history so far, whether to leave it there for now.

    Returns:
        The progress, finished unless `stop` said so; the best epoch's weights lie in `cell.checkpoints`.

    Raises:
        Diverged: The loss became NaN or infinite.
        Interrupted: A signal asked to stop; the state is saved.
        UserError: Fewer training references than processes.
    """
    recipe = config.recipe
    stepped = _compiled(model, config, cell, accelerator) if recipe.compile else model
    trained, optimizer = accelerator.prepare(stepped, make_optimizer(model, recipe, config.model.neck))
    state = State(cell, model, optimizer, accelerator)
    resumed = state.resume(seed)
    progress = resumed or Progress()
    if len(train_set) < accelerator.num_processes:
        raise UserError(
            f"launcher.processes={accelerator.num_processes}: there are {len(train_set)} training references.",
            "Use fewer processes.",
        )
    batches = batches_per_epoch(len(train_set), recipe.batch_size)
    where = f"goes on in epoch {progress.epoch + 1}, batch {progress.batch + 1}" if resumed else "begins"
    tell(
        accelerator, f"training {where}: {recipe.epochs} epochs of {batches} batches on {accelerator.device}"
    )
    if resumed and accelerator.is_main_process:  # what is trained again is no part of what is done
        cell.write_history(progress.history)
        cell.update_state(resumed=round(progress.epoch + progress.batch / batches, 2))
    erased = references_to_erase(len(train_set), recipe.erase, seed)
    pending = Pending(accelerator)
    pace = checkpoint.Pace(config.launcher.checkpoint_seconds)
    started, images, stepping = time.monotonic(), 0, 0.0

    while progress.epoch < recipe.epochs:
        model.train()
        order = epoch_order(len(train_set), recipe.batch_size, seed, progress.epoch)
        rest = distributed.part_of_batches(order[progress.batch * recipe.batch_size :], recipe, accelerator)
        for batch in loader(
            train_set, recipe.batch_size // accelerator.num_processes, rest, config.data.workers
        ):
            began = time.monotonic()
            step = progress.epoch * batches + progress.batch
            rate = learning_rate(recipe, step, recipe.epochs * batches)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            losses = _gradients(trained, batch, recipe, accelerator, erased, seed, progress.epoch)
            optimizer.step()
            pending.add(f"step {step} (epoch {progress.epoch}), learning rate {rate:.3g}", losses)
            progress.batch += 1
            look = pending.full or progress.batch == batches
            if look:
                progress.loss = sum(pending.read(), start=progress.loss)
            stepping += time.monotonic() - began
            report(progress, batches)
            images += min(recipe.batch_size, len(order))
            if not look:
                continue
            old = accelerator.is_main_process and pace.due() and progress.batch < batches
            due, asked = distributed.totals(accelerator, old, interrupt.received() is not None)
            if due or asked:
                pace.spent(state.save(progress, step + 1))
            if asked:
                interrupt.check(beside=True)

        distributed.share_buffers(model, accelerator)
        try:
            samples = evaluate(
                model,
                select_set,
                accelerator,
                size=config.protocol.size,
                batch_size=recipe.batch_size,
                workers=config.data.workers,
                progress=stop_at_signal,
            )
        except interrupt.Interrupted:
            state.save(progress, (progress.epoch + 1) * batches)
            raise
        score = scores(samples)
        progress.history.append(
            {
                "epoch": progress.epoch,
                "step": (progress.epoch + 1) * batches,
                "loss": progress.loss / batches,
                "lr": learning_rate(recipe, (progress.epoch + 1) * batches - 1, recipe.epochs * batches),
                config.protocol.select.value: score,
                "images": images,
                "seconds": round(time.monotonic() - started, 2),
                "stepping": round(stepping, 4),  # of them, without waiting for data and without evaluation
            }
        )
        started, images, stepping = time.monotonic(), 0, 0.0
        better = score[config.protocol.metric.value] > progress.best_score
        said = epoch_line(progress.history[-1], recipe.epochs, config.protocol.select.value, better)
        tell(accelerator, said)
        if better:
            progress.best_epoch, progress.best_score = progress.epoch, score[config.protocol.metric.value]
            state.save_best(progress.epoch)
        progress.epoch, progress.batch, progress.loss = progress.epoch + 1, 0, 0.0
        if accelerator.is_main_process:
            cell.write_history(progress.history)
        last = progress.epoch == recipe.epochs or stop(progress.history)
        # a best without a state that names it is lost with what was trained since the last one, no more
        old = accelerator.is_main_process and (pace.due() or (better and pace.cheap()))
        (due,) = distributed.totals(accelerator, old)
        if last or due:
            pace.spent(state.save(progress, progress.epoch * batches))
        _preview(cell, progress.epoch - 1, recipe.epochs, select_set, samples, accelerator)
        if last:
            break
    return progress


def _compiled(model: nn.Module, config: Config, cell: Cell, accelerator: Accelerator) -> nn.Module:
    """What takes the steps where they are to be compiled; the model itself, with a warning, where they cannot be."""
    stepped, why = compile_steps(model, accelerator.device, Path(config.data.cache) / "compiled")
    if why and accelerator.is_main_process:
        tell(accelerator, f"warning: recipe.compile: {why}")
        cell.warn(f"recipe.compile: {why}; trained without.")
    return stepped


def _preview(
    cell: Cell,
    epoch: int,
    epochs: int,
    select_set: ReferringDataset,
    samples: pd.DataFrame,
    accelerator: Accelerator,
) -> None:
    """Pictures of an epoch, once all that matters of it is on the disk; none is worth a training."""
    if not accelerator.is_main_process:
        return
    try:
        keep_previews(cell, epoch, epochs, select_set, samples)
    except Exception as error:  # a full disk, an image that is gone, a Pillow without WebP
        tell(accelerator, f"warning: no pictures of epoch {epoch + 1}: {one_line(error)}")


def _gradients(
    model: nn.Module,
    batch: dict[str, torch.Tensor],
    recipe: RecipeConfig,
    accelerator: Accelerator,
    erased: frozenset[int],
    seed: int,
    epoch: int,
) -> list[Tensor]:
    """Adds up the gradients of one batch, in `recipe.accumulate` parts of every process; returns the parts' losses.

    The parts' gradients sum to the whole batch's but for batch norm, whose statistics are those of each part.
    """
    losses: list[Tensor] = []
    together = None
    if recipe.accumulate * accelerator.num_processes > 1:
        together = Divisors(*distributed.promised_totals(accelerator, *divisors(batch["target"])))
    parts = {name: each.chunk(recipe.accumulate) for name, each in batch.items()}
    last = len(parts["target"]) - 1
    for index in range(last + 1):
        part = {name: each[index] for name, each in parts.items()}
        share = share_of(divisors(part["target"]), together, recipe.dice) if together else EVERYTHING
        moved = {name: each.to(accelerator.device, non_blocking=True) for name, each in part.items()}
        images = erase_boxes(moved["image"], part["index"], chosen=erased, seed=seed, epoch=epoch)
        with nullcontext() if index == last else accelerator.no_sync(model):
            with accelerator.autocast():
                logits = model(normalize(images), *(moved[name] for name in TEXT))
            loss = segmentation_loss(logits, moved["target"], recipe.loss, recipe.dice, share)
            losses.append(loss.detach())
            accelerator.backward(loss * accelerator.num_processes)  # of which the mean is taken; parts add up
    return losses


def make_optimizer(model: nn.Module, recipe: RecipeConfig, neck: Neck) -> torch.optim.AdamW:
    """AdamW over what trains; norms and relative position tables of the backbone without weight decay (all papers).

    The released codes have TMEM and CIM inside the backbone and LGCE's neck outside, whatever else a mixture has.
    """
    backbone = tuple(slot for slot in BACKBONE if slot != "neck." or neck != Neck.lgce)
    others = _norms_of_timm(model)
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            exempt = name.startswith(backbone) and ("norm" in name or "relative_position" in name)
            exempt |= name in others
            (plain if exempt else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=recipe.lr, fused=True)


def _norms_of_timm(model: nn.Module) -> set[str]:
    """Names of a timm backbone's norms, which are called as their author liked."""
    encoder = model.encoder if isinstance(model, Segmenter) else None
    return (
        {f"encoder.{name}" for name in encoder.norm_parameters()}
        if isinstance(encoder, TimmEncoder)
        else set()
    )


def learning_rate(recipe: RecipeConfig, step: int, total: int) -> float:
    """Poly schedule per iteration, no warm-up: lr * (1 - step/total)^power."""
    return recipe.lr * (1 - step / total) ** recipe.power


def batches_per_epoch(samples: int, batch_size: int) -> int:
    """Whole batches only, as the published codes train (a rest of one would break batch norm), but at least one."""
    return max(1, samples // batch_size)


def epoch_order(samples: int, batch_size: int, seed: int, epoch: int) -> list[int]:
    """The positions of the training set an epoch visits, in order: whole batches of a fresh shuffle."""
    generator = torch.Generator().manual_seed((seed << 20) + epoch)
    return torch.randperm(samples, generator=generator).tolist()[
        : batches_per_epoch(samples, batch_size) * batch_size
    ]


def stop_at_signal(done: int, total: int) -> None:
    """What an evaluation calls after every batch: ends it when a signal was noted, here or in a process beside."""
    if interrupt.received():
        distributed.ask()
    interrupt.check(beside=distributed.asked())


@dataclass(frozen=True)
class State:
    """All a training is, as the cell's files hold it; process 0 writes them, every process reads them."""

    cell: Cell
    model: nn.Module
    optimizer: Any
    accelerator: Accelerator
    named: list[int] = field(default_factory=list)  # best epochs of the states that are kept

    def save(self, progress: Progress, step: int) -> float:
        """Writes a checkpoint; every process calls it, because each has a random state of its own.

        Returns:
            Seconds that this took.
        """
        began = time.monotonic()
        random = distributed.gathered([_random_state()])
        if self.accelerator.is_main_process:
            tensors = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
            checkpoint.save(
                self.cell.checkpoints, tensors | {"random": random, "progress": asdict(progress)}, step
            )
            self.named[:] = [*self.named, progress.best_epoch][-checkpoint.KEPT :]
            checkpoint.drop_old_bests(self.cell.checkpoints, self.named)
        return time.monotonic() - began

    def save_best(self, epoch: int) -> None:
        """Writes the weights as those of the best epoch so far."""
        if self.accelerator.is_main_process:
            checkpoint.save_best(self.cell.checkpoints, self.model.state_dict(), epoch)

    def resume(self, seed: int) -> Progress | None:
        """Takes everything from the last checkpoint; a process that had no part in it starts its own random numbers."""
        index = self.accelerator.process_index
        state = checkpoint.load(self.cell.checkpoints, partial(tell, self.accelerator))
        random = state["random"][index] if state and index < len(state["random"]) else None
        if random:
            _set_random_state(random)
        elif index:
            torch.manual_seed((seed << 20) + index)  # dropout differs between processes
        if state is None:
            return None
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        progress = Progress(**state["progress"])
        self.named.append(progress.best_epoch)
        return progress


def _random_state() -> dict[str, torch.Tensor]:
    cuda = {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}
    return {"cpu": torch.get_rng_state()} | cuda


def _set_random_state(random: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])
