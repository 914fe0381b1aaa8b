"""Models at the tiny scale: forward, one training step, evaluation, and the state that training goes on from."""

from pathlib import Path

import pytest
import torch

from bench.config.compose import configuration
from bench.config.request import Request
from bench.config.schema import Config
from bench.data.controls import with_other_sentences
from bench.data.dataset import ReferringDataset
from bench.data.index import read_index
from bench.models.build import build
from bench.study.prepare import prepare
from bench.training import checkpoint
from bench.training.distributed import make_accelerator
from bench.training.evaluate import evaluate_together
from bench.training.losses import segmentation_loss
from bench.training.train import make_optimizer
from fianet.segmenter import Segmenter
from fianet.tokens import Tokenizer
from tests.fianet.test_every_model import VOCABULARY, batch
from tests.speed.conftest import Speed, Work

MODELS = {"lavt": "LAVT", "lgce": "LGCE", "rmsin": "RMSIN", "fianet": "FIANet"}


def tiny(name: str, size: int = 96) -> tuple[Segmenter, Config]:
    config = configuration([f"model={name}", "scale=tiny"])
    torch.manual_seed(0)
    return build(config.model, VOCABULARY, size), config


def step(name: str, samples: int = 4, size: int = 96, tokens: int = 22) -> Work:
    """Forward, backward and the optimiser's step of one batch."""
    model, config = tiny(name, size)
    given = batch(samples, size, size, tokens)
    target = torch.zeros(samples, size, size, dtype=torch.int64)
    target[:, size // 4 : size // 2] = 1
    optimizer = make_optimizer(model.train(), config.recipe, config.model.neck)

    def work() -> None:
        optimizer.zero_grad()
        segmentation_loss(given.run(model), target, config.recipe.loss, config.recipe.dice).backward()
        optimizer.step()

    return work


@pytest.mark.parametrize("name", MODELS)
def test_forward(speed: Speed, name: str) -> None:
    model, given = tiny(name)[0].eval(), batch(4, 96, 96, 22)
    with torch.inference_mode():
        speed(lambda: given.run(model), "forward", MODELS[name], items=4, unit="images")


@pytest.mark.parametrize("name", MODELS)
def test_step(speed: Speed, name: str) -> None:
    speed(step(name), "training step", MODELS[name], items=4, unit="images")


@pytest.mark.parametrize("size", [64, 96, 128, 192])
def test_step_by_image_size(speed: Speed, size: int) -> None:
    curve = {"size": size, "axis": "image side in pixels", "items": 4, "unit": "images"}
    speed(step("fianet", size=size), "step by image side", f"{size} px", **curve, rounds=8)


@pytest.mark.parametrize("samples", [1, 2, 4, 8])
def test_step_by_batch(speed: Speed, samples: int) -> None:
    curve = {"size": samples, "axis": "images in a batch", "items": samples, "unit": "images"}
    speed(step("fianet", samples), "step by batch", f"{samples} image{'s' * (samples > 1)}", **curve)


@pytest.mark.parametrize("tokens", [8, 16, 32])
def test_step_by_tokens(speed: Speed, tokens: int) -> None:
    curve = {"size": tokens, "axis": "tokens of a sentence", "items": 4, "unit": "images"}
    speed(step("fianet", tokens=tokens), "step by tokens", f"{tokens} tokens", **curve)


@pytest.mark.parametrize("case", ["FIANet", "FIANet, shuffled too"])
def test_evaluation(speed: Speed, drawn: list[str], tmp_path: Path, case: str) -> None:
    config = prepare(Request.parse([*drawn, f"store={tmp_path}"])).cells[0].config
    tokenizer = Tokenizer.load(None)
    references = [each for each in read_index(config.data).references if each.split == "val"]
    splits = {"test": references}
    if case == "FIANet, shuffled too":
        splits["shuffled"] = list(with_other_sentences(references))
    datasets = {
        split: ReferringDataset(each, tokenizer, config.recipe.size, config.data.max_tokens)
        for split, each in splits.items()
    }
    model = build(config.model, tokenizer.vocab_size, config.recipe.size)
    accelerator = make_accelerator(config.recipe.precision)
    how = {"size": config.protocol.size, "batch_size": 8, "workers": 0}
    speed(
        lambda: evaluate_together(model, datasets, accelerator, **how),
        "evaluation",
        case,
        items=sum(len(each) for each in datasets.values()),
        unit="expressions",
        rounds=5,
    )


def test_resume(speed: Speed, tmp_path: Path) -> None:
    model, config = tiny("fianet")
    optimizer = make_optimizer(model, config.recipe, config.model.neck)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "progress": {}}
    checkpoint.save(tmp_path, state, 1)

    def work() -> None:
        found = checkpoint.load(tmp_path)
        assert found is not None
        model.load_state_dict(found["model"])
        optimizer.load_state_dict(found["optimizer"])

    speed(work, "resume", "FIANet, state of a tiny cell")
