"""Models, images and commands of prediction."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.config.schema import EncoderConfig, ModelConfig, TextConfig
from bench.inference.asked import Tiling
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Predictor
from bench.models.build import build
from bench.models.bundle import Bundle, save_bundle
from bench.models.vocabulary import vocabulary_text
from bench.predict import main
from fianet.tokens import SHIPPED, Tokenizer
from tests.bench.rasters import noise

Predict = Callable[..., int]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """An untrained model whose answers differ from pixel to pixel."""
    torch.manual_seed(3)
    config = ModelConfig(
        encoder=EncoderConfig(embed_dim=8, depths=[1, 1, 1, 1], heads=[1, 1, 2, 2], window=4),
        text=TextConfig(width=16, layers=1, heads=1),
    )
    vocab_size = Tokenizer.load(None).vocab_size
    model = build(config, vocab_size, 32).eval()
    with torch.no_grad():
        model.decoder.classify.weight *= 20
    bundle = Bundle(model, config, vocab_size, 32, 22, vocabulary_text(SHIPPED), "test")
    prediction = Predictor(bundle)([(noise(), "the ship")])[0]
    bias = float(np.median(np.log(prediction.probability / (1 - prediction.probability))))
    with torch.no_grad():
        model.decoder.classify.bias[1] -= bias  # half of the pixels on either side
    return bundle


@pytest.fixture
def predict(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    """Runs the command in an empty folder on an exported model."""
    save_bundle(bundle, tmp_path / "model")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["predict", "weights=model", *words])
        return main()

    return run


def record(folder: str = "predictions") -> dict[str, Any]:
    return json.loads(Path(folder, "predictions.json").read_text())[0]


SIZE = 32


class Reddish(nn.Module):
    """Says of every pixel by itself whether it is red, whatever the sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, images: Tensor, *words: Tensor) -> Tensor:
        self.seen += len(images)
        odds = images[:, :1] - images[:, 1:2] - 1.0
        return torch.cat([-odds, odds], dim=1)


@pytest.fixture
def predictor() -> Predictor:
    vocabulary = vocabulary_text(SHIPPED)
    return Predictor(
        Bundle(Reddish(), ModelConfig(), Tokenizer.load(None).vocab_size, SIZE, 22, vocabulary, "test")
    )


Run = Callable[..., tuple[list[dict[str, Any]], Path]]


@pytest.fixture
def run(predictor: Predictor, tmp_path: Path) -> Run:
    def run(path: Path, *texts: str, out: str = "out", **tiling: Any) -> tuple[list[dict[str, Any]], Path]:
        wanted = Wanted(texts or ("the ships",), tmp_path / out, tiling=Tiling(**tiling))
        records, failures = predict_files(predictor, [path], wanted)
        assert not failures
        return records, tmp_path / out

    return run
