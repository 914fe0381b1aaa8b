"""Evaluation computes what no word changes once an image, and says of every expression what it says of it alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.config.choices import EvalSize
from bench.config.compose import configuration
from bench.config.schema import Config
from bench.data.controls import with_other_sentences
from bench.data.dataset import ReferringDataset
from bench.data.pictures import Pictures
from bench.data.reference import FileMask, Reference
from bench.data.usable import usable_references
from bench.models.build import build
from bench.models.inputs import TEXT, normalize
from bench.training import evaluate as module
from bench.training.evaluate import evaluate, evaluate_together
from fianet.segmenter import Look, Segmenter
from fianet.tokens import Tokenizer


@pytest.fixture(scope="module")
def config(drawn: list[str]) -> Config:
    return configuration(drawn)


@pytest.fixture(scope="module")
def splits(config: Config) -> dict[str, ReferringDataset]:
    """Several sentences an image, the images mixed; the same with other sentences."""
    references = [each for split in usable_references(config.data)[0].values() for each in split]
    mixed = [references[place] for place in np.random.default_rng(0).permutation(len(references))]
    return {"test": made(mixed, config), "shuffled": made(with_other_sentences(mixed), config)}


def made(references: Any, config: Config) -> ReferringDataset:
    return ReferringDataset(references, Tokenizer.load(None), config.recipe.size, config.data.max_tokens)


@pytest.fixture(scope="module", params=["fiam", "none"])
def model(config: Config, splits: dict[str, ReferringDataset], request: pytest.FixtureRequest) -> Segmenter:
    """Random weights that find about half the pixels, so that masks say whether logits are equal."""
    torch.manual_seed(3)
    changed = replace(config.model, fusion=request.param)
    made = build(changed, Tokenizer.load(None).vocab_size, config.recipe.size).eval()
    sample = splits["test"][0]
    with torch.no_grad():
        logits = made(normalize(sample["image"][None]), *(sample[name][None] for name in TEXT))[0]
        made.decoder.classify.bias[1] -= (logits[1] - logits[0]).median()
    return made


def how(batch_size: int = 4) -> dict[str, Any]:
    return {"size": EvalSize.resized, "batch_size": batch_size, "workers": 0}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each look was at."""
    seen: list[int] = []
    look = Segmenter.look

    def counted(model: Segmenter, image: Tensor) -> Look:
        seen.append(len(image))
        return look(model, image)

    monkeypatch.setattr(Segmenter, "look", counted)
    return seen


@torch.inference_mode()
def alone(model: nn.Module, dataset: ReferringDataset) -> list[int]:
    """Predicted pixels that are right, sample by sample through the plain forward pass."""
    found = []
    for index in range(len(dataset)):
        sample = dataset[index]
        logits = model.eval()(normalize(sample["image"][None]), *(sample[name][None] for name in TEXT))[0]
        found.append(int(((logits[1] > logits[0]) & sample["target"].bool()).sum()))
    return found


def test_rows_are_those_of_one_at_a_time_in_the_order_of_the_data(
    model: Segmenter, splits: dict[str, ReferringDataset]
) -> None:
    frames = evaluate_together(model, splits, Accelerator(cpu=True), **how())
    for split, dataset in splits.items():
        frame = frames[split]
        assert frame["ref_id"].tolist() == [each.ref_id for each in dataset.references]
        assert frame["sentence"].tolist() == [each.sentence for each in dataset.references]
        assert np.abs(frame["intersection"] - alone(model, dataset)).max() <= 1
        assert frame["intersection"].sum() > 0
        apart = evaluate(model, dataset, Accelerator(cpu=True), **how())
        assert (
            np.abs(frame["intersection"] - apart["intersection"]).max() <= 1
        )  # another batch rounds otherwise


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_every_image_is_looked_at_and_read_once_for_all_splits(
    model: Segmenter,
    splits: dict[str, ReferringDataset],
    looks: list[int],
    monkeypatch: pytest.MonkeyPatch,
    batch_size: int,
) -> None:
    read: list[Path] = []
    images = splits["test"].images
    monkeypatch.setattr(splits["test"], "images", lambda path: (read.append(path), images(path))[1])
    evaluate_together(model, splits, Accelerator(cpu=True), **how(batch_size))
    names = {each.image for each in splits["test"].references}
    assert sorted(read) == sorted(names)
    assert sum(looks) == len(names) < len(splits["test"])


def test_large_images_are_few_at_once_on_cpus(
    model: Segmenter,
    splits: dict[str, ReferringDataset],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    answer = Segmenter.answer

    def counted(model: Segmenter, look: Look, *words: Tensor) -> Tensor:
        asked.append(len(words[0]))
        return answer(model, look, *words)

    monkeypatch.setattr(Segmenter, "answer", counted)
    monkeypatch.setattr(module, "CPU_PIXELS", splits["test"].size ** 2)
    evaluate(model, splits["test"], Accelerator(cpu=True), **how(100))
    assert asked == [1] * len(splits["test"])


def test_models_of_other_packages_answer_sentence_by_sentence(splits: dict[str, ReferringDataset]) -> None:
    class Plain(nn.Module):
        def forward(self, image: Tensor, ids: Tensor, *masks: Tensor) -> Tensor:
            bright = image.mean(dim=1) + ids[:, 1, None, None] % 3 - 1
            return torch.stack((-bright, bright), dim=1)

    found = evaluate(Plain(), splits["test"], Accelerator(cpu=True), **how())
    assert found["intersection"].tolist() == alone(Plain(), splits["test"])


@given(counts=st.lists(st.integers(1, 9), max_size=12), most=st.integers(1, 12))
def test_batches_hold_whole_images_in_order_and_no_more_than_asked(counts: list[int], most: int) -> None:
    pictures = Pictures.__new__(Pictures)
    pictures.places = [[0] * count for count in counts]
    batches = list(pictures.batches(range(len(counts)), most))
    assert [number for batch in batches for number in batch] == list(range(len(counts)))
    for batch in batches:
        assert len(batch) == 1 or sum(counts[number] for number in batch) <= most


def test_mask_of_several_sentences_is_read_once(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[FileMask] = []
    shape = (20, 20)
    monkeypatch.setattr(FileMask, "read", lambda mask: (read.append(mask), np.ones(shape, bool))[1])
    mask, image = FileMask(Path("mask.png")), Path("image.png")
    references = [Reference(n, "image", image, f"ship {n}", "ship", "test", mask) for n in range(3)]
    dataset = ReferringDataset(references, Tokenizer.load(None), 8, 8)
    monkeypatch.setattr(dataset, "images", lambda path: np.zeros((3, 8, 8), np.uint8))
    assert Pictures(dataset)[0]["target"].shape == (3, 8, 8)
    assert read == [mask]
