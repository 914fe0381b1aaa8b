"""Maps of FIAM: they are what the model computes, finished cells keep them, the command makes them again."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench.attention import main
from bench.config.choices import Fusion
from bench.config.compose import configuration, plain
from bench.config.request import Request
from bench.config.schema import Config, FiamConfig
from bench.data.dataset import ReferringDataset
from bench.data.usable import usable_references
from bench.inference.alignment import choose, measure_alignment
from bench.models.build import build
from bench.storage.attention_maps import FILE, KINDS, OBJECT, POSITION, Maps, read_maps, write_maps
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.prepare import prepare
from bench.training.cell import run_cell
from fianet.attention import ImageLanguageAttention, instance_norm
from fianet.decouple import decouple
from fianet.text import Phrase
from fianet.tokens import Tokenizer


@pytest.fixture(scope="module")
def config(drawn: list[str]) -> Config:
    return configuration(drawn)


@pytest.fixture(scope="module")
def dataset(config: Config) -> ReferringDataset:
    references = usable_references(config.data)[0]["train"]
    return ReferringDataset(references, Tokenizer.load(None), config.recipe.size, config.data.max_tokens)


def made(config: Config, fusion: Fusion = Fusion.fiam, fiam: FiamConfig | None = None) -> nn.Module:
    torch.manual_seed(3)
    chosen = replace(config.model, fusion=fusion, fiam=fiam or FiamConfig())
    return build(chosen, Tokenizer.load(None).vocab_size, config.recipe.size).eval()


def scored(dataset: ReferringDataset) -> pd.DataFrame:
    ious = np.linspace(0, 1, len(dataset))
    return pd.DataFrame({"iou": ious, "image_id": [each.image_id for each in dataset.references]})


def looked(model: nn.Module, dataset: ReferringDataset, count: int = 3) -> Maps | None:
    return measure_alignment(model, dataset, Tokenizer.load(None), scored(dataset), count)


@pytest.mark.parametrize("heads", [1, 2])
def test_weights_are_those_the_attention_gathers_with(heads: int) -> None:
    torch.manual_seed(0)
    attention = ImageLanguageAttention(8, 6, heads)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    x, phrase = torch.randn(2, 12, 8), Phrase(torch.randn(2, 5, 6), mask)
    weights = attention.weights(x, phrase)
    assert weights.shape == (2, heads, 12, 5)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, heads, 12))
    assert weights[0, ..., 3:].max() == 0
    values = (attention.value(phrase.features) * mask[..., None]).unflatten(-1, (heads, -1)).transpose(1, 2)
    gathered = (weights @ values).transpose(1, 2).flatten(2)
    torch.testing.assert_close(instance_norm(attention.out(gathered)), attention(x, phrase))


@pytest.mark.parametrize("fusion", [Fusion.fiam, Fusion.fiam_direct])
def test_maps_are_what_the_stages_compute(fusion: Fusion, config: Config, dataset: ReferringDataset) -> None:
    maps = looked(made(config, fusion), dataset)
    assert maps is not None
    (count,) = maps.ref_ids.shape
    assert 2 <= count <= 3, "as many as the few drawn images have sentences with both kinds of words"
    for kind in KINDS:
        assert [values.shape for values in maps.stages[kind]] == [
            (count, side, side) for side in (8, 4, 2, 1)
        ]
        assert all(np.isfinite(values).all() and values.min() >= 0 for values in maps.stages[kind])
    for kind in ("context", "position"):
        assert max(values.max() for values in maps.stages[kind]) < 1
        assert min(values.min() for values in maps.stages[kind]) > 0
    assert maps.stages["object"][0].std() > 0


@pytest.mark.parametrize(("named", "placed"), [(True, False), (False, True), (False, False)])
def test_variants_lack_the_maps_of_what_they_do_without(
    named: bool, placed: bool, config: Config, dataset: ReferringDataset
) -> None:
    maps = looked(made(config, fiam=FiamConfig(object=named, position=placed)), dataset)
    assert maps is not None
    assert set(maps.stages) == {"context", *["object"] * named, *["position"] * placed}


def test_looking_changes_neither_model_nor_random_state(config: Config, dataset: ReferringDataset) -> None:
    model = made(config)
    before, state = torch.get_rng_state(), {key: value.clone() for key, value in model.state_dict().items()}
    looked(model, dataset)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_other_models_have_no_maps(config: Config, dataset: ReferringDataset) -> None:
    assert looked(made(config, Fusion.pwam), dataset) is None


def test_sentences_have_both_kinds_of_words_and_their_characters_are_marked(
    config: Config, dataset: ReferringDataset
) -> None:
    maps = looked(made(config), dataset)
    assert maps is not None
    sentences = {each.ref_id: each.sentence for each in dataset.references}
    for ref_id, marks in zip(maps.ref_ids, maps.words, strict=True):
        spans = decouple(sentences[ref_id])
        for bit, found in ((OBJECT, spans.object), (POSITION, spans.position)):
            assert found
            expected = {at for start, end in found for at in range(start, end)}
            marked = set(np.flatnonzero(marks & bit).tolist())
            assert marked == {at for at in expected if not sentences[ref_id][at].isspace()}


def test_an_object_of_one_piece_is_shown_only_where_there_is_no_other(
    config: Config, dataset: ReferringDataset
) -> None:
    named, whole = dataset.tokens["object_mask"], dataset.tokens["context_mask"]
    pieces = {each.ref_id: int(mask.sum()) for each, mask in zip(dataset.references, named, strict=True)}
    maps = looked(made(config), dataset)
    assert maps is not None
    assert maps.silent
    assert all(pieces[ref_id] > 1 for ref_id in maps.ref_ids)
    single = ReferringDataset(
        [each for each in dataset.references if pieces[each.ref_id] == 1],
        Tokenizer.load(None),
        dataset.size,
        whole.shape[1],
    )
    silent = looked(made(config), single)
    assert silent is not None
    assert silent.silent == 0
    assert max(values.max() for values in silent.stages["object"]) < 1e-3


def test_chosen_are_the_middles_of_equal_parts_and_no_image_twice() -> None:
    samples = pd.DataFrame({"iou": np.linspace(1, 0, 9), "image_id": list("abcdefghi")}, index=range(10, 19))
    assert choose(samples, 3) == [(2, 11), (5, 14), (8, 17)]
    assert choose(samples, 1) == [(5, 14)]
    assert choose(samples.assign(image_id="a"), 3) == [(2, 11)]
    assert len(choose(samples, 20)) == 9
    assert choose(samples[:0], 3) == []


def trained(words: list[str], folder: Path) -> Cell:
    prepared = prepare(
        Request.parse([*words, f"store={folder / 'runs'}", "tracking.enabled=false", "recipe.epochs=1"])
    )
    prepared.write("mini")
    (cell,) = prepared.stored()
    run_cell(cell)
    assert cell.done, cell.state()["error"]
    return cell


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["attention", *words])
    return main()


def test_finished_cells_keep_maps_and_the_command_makes_them_again(
    drawn: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cell = trained(drawn, tmp_path)
    given = (f"cell={cell.id}", f"store={tmp_path / 'runs'}")
    kept = (cell.path / FILE).read_bytes()
    (cell.path / FILE).unlink()
    assert run(monkeypatch, *given) == 0
    assert (cell.path / FILE).read_bytes() == kept
    assert "python -m reports.build ablation=fianet" in capsys.readouterr().out
    assert run(monkeypatch, *given, "examples=1") == 0
    maps = read_maps(cell)
    assert maps is not None
    assert len(maps.ref_ids) == 1
    samples = cell.samples()
    assert samples is not None
    cell.write_samples(samples.assign(sentence="another"))
    assert run(monkeypatch, *given) == 2
    assert "not the data set" in capsys.readouterr().err


def test_cell_without_fiam_is_refused_by_the_name_of_its_fusion(
    drawn: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = configuration([*drawn, "model=lavt"])
    cell = Store(tmp_path).plan("0123456789ab", {"seed": 0}, plain(config))
    cell.checkpoints.mkdir()
    save_file(made(config, Fusion.pwam).state_dict(), cell.checkpoints / "best.safetensors")
    cell.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
    assert run(monkeypatch, f"cell={cell.id}", f"store={tmp_path}") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "model.fusion=pwam" in said[0]
    assert "fiam" in said[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [((), "cell= is missing"), (("cell=nowhere",), "nowhere"), (("cell=a", "examples=0"), "=0")],
)
def test_wrong_requests_are_two_lines(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, f"store={tmp_path}", *words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert said in lines[0]


def test_damaged_file_counts_as_none(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell("0123456789ab")
    assert read_maps(cell) is None
    stages = {"context": [np.ones((1, 2, 2), np.float32)] * 4}
    write_maps(cell, Maps(np.array([7]), np.array([1]), 5, 0, np.zeros((1, 9), np.uint8), stages))
    maps = read_maps(cell)
    assert maps is not None
    assert (maps.ref_ids.tolist(), maps.ranked, list(maps.stages), len(maps.stages["context"])) == (
        [7],
        5,
        ["context"],
        4,
    )
    (cell.path / FILE).write_bytes((cell.path / FILE).read_bytes()[:200])
    assert read_maps(cell) is None
