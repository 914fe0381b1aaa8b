"""How fast a model is on a GPU, in each precision and compiled, beside the plain path in one process: `make bench-gpu`.

python -m tests.speed.gpu [model=fianet] [scale=paper] [batch=32]

Random weights and inputs: what is measured is arithmetic and memory, not data. Each row is written as soon as it is
measured, so that what a time limit leaves is kept.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.config.choices import Precision
from bench.config.compose import configuration
from bench.config.schema import Config
from bench.models.build import build
from bench.models.inputs import normalize
from bench.models.precision import computing, set_precision
from bench.storage import files
from bench.terminal.errors import UserError, command
from bench.training.compiling import compile_steps
from bench.training.losses import segmentation_loss
from bench.training.train import make_optimizer
from fianet.segmenter import Segmenter
from tests.fianet.test_every_model import VOCABULARY, batch

OUT = Path("runs/bench")
TOKENS = 22
SIDE = 8192  # of the matrices whose product is the device's ceiling
STEPS, WARM = 5, 2


@dataclass(frozen=True)
class Row:
    """One way to compute.

    Attributes:
        way: In words.
        inference: Images a second.
        training: Images a second: forward, backward, AdamW.
        memory: Peak of a training step, GiB.
    """

    way: str
    inference: float
    training: float
    memory: float


def measure(words: list[str], images: int, device: torch.device) -> Iterator[Row]:
    """The plain path (float32), TF32, bfloat16, and bfloat16 compiled."""
    for precision in (Precision.float32, Precision.tf32, Precision.bf16):
        set_precision(precision)
        config, model = _model(words, device)
        yield _row(precision.value, model, config, images, device, precision)
    stepped, why = compile_steps(model, device, OUT / "compiled")
    if why:
        raise UserError(f"recipe.compile: {why}", "The rows above stand.")
    yield _row("bf16, compiled", stepped, config, images, device, Precision.bf16)


def _model(words: list[str], device: torch.device) -> tuple[Config, Segmenter]:
    config = configuration(["data=rrsisd", *words])
    config.model.encoder.pretrained = config.model.text.pretrained = None
    torch.manual_seed(0)
    return config, build(config.model, VOCABULARY, config.recipe.size).to(device)


def _row(
    way: str, model: nn.Module, config: Config, images: int, device: torch.device, precision: Precision
) -> Row:
    given = batch(images, config.recipe.size, config.recipe.size, TOKENS)
    pixels = torch.randint(0, 256, given.image.shape, dtype=torch.uint8).to(device)
    words = [
        each.to(device) for each in (given.ids, given.context_mask, given.object_mask, given.position_mask)
    ]
    target = torch.zeros(images, *pixels.shape[-2:], dtype=torch.int64, device=device)
    target[:, 8:24, 8:24] = 1
    optimizer = make_optimizer(model, config.recipe, config.model.neck)

    def infer() -> None:
        with torch.inference_mode(), computing(precision, device.type):
            model(normalize(pixels), *words)

    def train() -> None:
        optimizer.zero_grad()
        with computing(precision, device.type):
            logits = model(normalize(pixels), *words)
        segmentation_loss(logits, target, config.recipe.loss, config.recipe.dice).backward()
        optimizer.step()

    model.eval()
    inference = images / _seconds(infer, device)
    model.train()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    training = images / _seconds(train, device)
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
    return Row(way, inference, training, memory)


def _seconds(work: Callable[[], None], device: torch.device) -> float:
    """Of one call, the mean of `STEPS` after `WARM`, with the device's work done."""
    done = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for _ in range(WARM):
        work()
    done()
    began = time.perf_counter()
    for _ in range(STEPS):
        work()
    done()
    return (time.perf_counter() - began) / STEPS


def ceiling(device: torch.device) -> float:
    """TFLOP/s of a large bfloat16 product: what no model can be faster than."""
    one, other = (torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * SIDE**3 / _seconds(lambda: torch.mm(one, other), device) / 1e12


def table(rows: list[Row]) -> str:
    """Markdown: each row beside the first, the plain path."""
    lines = ["| way | inference, images/s | training, images/s | peak of a step, GiB |", "|---|--:|--:|--:|"]
    for row in rows:
        rates = [
            f"{own:,.1f} ({own / plain:.2f} x)"
            for own, plain in (
                (row.inference, rows[0].inference),
                (row.training, rows[0].training),
            )
        ]
        lines.append(f"| {row.way} | {rates[0]} | {rates[1]} | {row.memory:.1f} |")
    return "\n".join(lines) + "\n"


@command
def main(argv: list[str]) -> int:
    """The command line; exit code 2 without a CUDA device."""
    asked: dict[str, Any] = {"model": "fianet", "scale": "paper", "batch": "32"}
    asked |= dict(word.split("=", 1) for word in argv if "=" in word)
    if not torch.cuda.is_available():
        raise UserError("no CUDA device: nothing to measure.", "Run it on a machine with one.")
    device = torch.device("cuda")
    about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__} | asked
    about["bf16 TFLOP/s of a product"] = round(ceiling(device))
    print(about, flush=True)
    rows: list[Row] = []
    for row in measure([f"model={asked['model']}", f"scale={asked['scale']}"], int(asked["batch"]), device):
        rows.append(row)
        files.write_json(OUT / "gpu.json", about | {"rows": [asdict(each) for each in rows]})
        print(table(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
