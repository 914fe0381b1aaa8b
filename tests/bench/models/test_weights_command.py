"""`python -m bench.weights`: import says what it found, export is self-contained, hostile files are refused."""

import json
import struct
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.config.choices import Decoupler
from bench.config.compose import configuration, plain
from bench.config.schema import EncoderConfig, ModelConfig, TextConfig
from bench.images.picture import Picture
from bench.inference.predictor import Predictor
from bench.models.build import build
from bench.models.bundle import CONFIG, WEIGHTS, Bundle, load_bundle, save_bundle
from bench.models.export import Format, example, export_cell, from_cell, write_graph
from bench.models.reference_keys import reference_key
from bench.models.vocabulary import vocabulary_text
from bench.storage.store import Store
from bench.terminal.errors import UserError
from bench.weights import load, load_reference, main
from fianet.tokens import SHIPPED, Tokenizer

SIZES = EncoderConfig(embed_dim=16, depths=[1, 2, 1, 1], heads=[1, 2, 4, 8], window=4)
MODELS = {
    "lavt": ModelConfig(name="lavt", fusion="pwam", neck="none"),
    "lgce": ModelConfig(name="lgce", fusion="pwam", neck="lgce"),
    "rmsin": ModelConfig(name="rmsin", fusion="iim", neck="cim", decoder="rotated"),
    "fianet": ModelConfig(),
    "blind": ModelConfig(name="blind", fusion="none", neck="none"),
    "control": ModelConfig(name="control", fusion="none", neck="tmem_blind"),
}
Weights = Callable[..., int]
Finished = Callable[..., str]


def bundle(name: str = "fianet", size: int = 64) -> Bundle:
    config = MODELS[name]
    config.encoder, config.text = SIZES, TextConfig(width=64, layers=1, heads=1)
    torch.manual_seed(0)
    vocab_size = Tokenizer.load(None).vocab_size
    model = build(config, vocab_size, size).eval()
    return Bundle(model, config, vocab_size, size, 12, vocabulary_text(SHIPPED), "test")


def same(one: torch.nn.Module, other: torch.nn.Module, of: Bundle) -> bool:
    inputs = example(of, 5)
    with torch.no_grad():
        return torch.equal(one(*inputs), other(*inputs))


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["weights", *words])
        return main()

    return run


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    """Makes a finished cell, without the training."""
    return partial(make_finished, tmp_path / "runs")


@pytest.fixture
def cell(finished: Finished) -> str:
    """A finished cell of the default model."""
    return finished()


def make_finished(store: Path, *more: str) -> str:
    words = ["model.encoder.embed_dim=16", "model.encoder.depths=[1,1,1,1]", "model.encoder.heads=[1,1,2,2]"]
    words += ["model.encoder.window=4", "model.text.width=16", "model.text.layers=1", "model.text.heads=1"]
    config = configuration(
        [*words, *more, "model.text.trained_layers=1", "recipe.size=32", "data.max_tokens=15"]
    )
    planned = Store(store).plan("0123456789ab", {"seed": 0}, plain(config))
    torch.manual_seed(1)
    model = build(config.model, Tokenizer.load(None).vocab_size, 32)
    planned.checkpoints.mkdir()
    save_file(model.state_dict(), planned.checkpoints / "best.safetensors")
    planned.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
    return planned.id


def released(path: Path, name: str = "fianet", size: int = 480, **beside: Any) -> Bundle:
    """Writes a checkpoint with released names; returns what is in it."""
    of = bundle(name, size)
    state = {f"module.{reference_key(key, of.config)}": v for key, v in of.model.state_dict().items()}
    state["module.text_encoder.pooler.dense.bias"] = torch.zeros(3)
    torch.save({"model": state, **beside}, path)
    return of


def test_import_says_what_it_recognised_and_writes_one_file(
    weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    of = released(Path("x.pth"), epoch=3, optimizer={"lr": 1.0})
    vocabulary = f"vocabulary={SHIPPED}"
    assert weights("import", "x.pth", "new/out.safetensors", vocabulary, "max_tokens=20", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert "under `model`, module. prefixes" in said["file"]
    assert "fianet (fusion fiam, neck tmem, decoder simple)" in said["model"]
    assert "16 channels, depths [1, 2, 1, 1], heads [1, 2, 4, 8], window 4" in said["encoder"]
    assert said["parameters"].startswith(f"{sum(p.numel() for p in of.model.parameters()):,} ")
    assert "text_encoder.pooler.dense.bias" in said["ignored"]
    assert "epoch, optimizer" in said["ignored"]
    back = load_bundle("new/out.safetensors")
    assert (back.size, back.max_tokens) == (480, 20)
    assert same(back.model, load_reference("x.pth"), bundle())
    tokenizer = back.tokenizer()
    assert tokenizer is not None
    assert tokenizer.vocab_size == of.vocab_size


def test_import_may_leave_the_word_out_and_warns_of_no_vocabulary(
    weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    released(Path("x.pth"), "rmsin", size=64)
    assert weights("x.pth", "out.safetensors", "size=64") == 0
    assert "vocabulary" in capsys.readouterr().out
    assert load_bundle("out.safetensors").tokenizer() is None


def test_export_needs_neither_store_nor_hub_afterwards(cell: str, weights: Weights, tmp_path: Path) -> None:
    assert weights("export", f"cell={cell}", "out=exported") == 0
    assert weights("export", f"cell={cell}", "out=one.safetensors") == 0
    of = from_cell(Store(tmp_path / "runs"), cell)
    (tmp_path / "runs").rename(tmp_path / "gone")
    for path in ("exported", "one.safetensors"):
        back = load_bundle(path)
        assert (back.size, back.max_tokens, back.vocabulary) == (32, 15, vocabulary_text(SHIPPED))
        assert not back.model.training
        assert same(load(path), of.model, of)


def test_sentences_are_split_as_in_training(tmp_path: Path) -> None:
    save_bundle(replace(bundle(), decoupler=Decoupler.context), tmp_path)
    predictor = Predictor(load_bundle(tmp_path))
    assert not predictor.decouple("the ship on the left").position
    save_bundle(bundle(), tmp_path)
    assert Predictor(load_bundle(tmp_path)).decouple("the ship on the left").position


@pytest.mark.parametrize("neck", ["none", "tmem_blind"])
def test_language_blind_cell_is_exported_and_predicts(neck: str, finished: Finished, tmp_path: Path) -> None:
    cell = finished("model.fusion=none", f"model.neck={neck}")
    export_cell(Store(tmp_path / "runs"), cell, tmp_path / "out", "safetensors")
    back = load_bundle(tmp_path / "out")
    assert back.vocab_size == Tokenizer.load(None).vocab_size
    assert back.config.text.width == 16, "as trained, though nothing reads it"
    predictor = Predictor(back)
    picture = Picture(tmp_path, np.full((40, 50, 3), 90, np.uint8), np.full((40, 50), True))
    one, other = predictor([(picture, "the ship"), (picture, "all bridges at the top")])
    assert one.mask.shape == (40, 50)
    assert np.array_equal(one.probability, other.probability), "no word is read"
    save_bundle(back, tmp_path / "again.safetensors")
    assert load_bundle(tmp_path / "again.safetensors").tokenizer() is not None


def test_another_cell_exported_to_the_same_folder_leaves_no_old_graph(cell: str, weights: Weights) -> None:
    save_bundle(bundle(), Path("out"))
    Path("out/model.pt2").write_bytes(b"another model's")
    assert weights("export", f"cell={cell}", "out=out") == 0
    assert not Path("out/model.pt2").exists()


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_another_programs_files_are_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(UserError, match=f"holds {name}"):
        save_bundle(bundle(), tmp_path)
    assert (tmp_path / name).read_text() == '{"architectures": ["BertModel"]}'


def test_another_programs_weights_are_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file({"a": torch.ones(2)}, file)
    with pytest.raises(UserError, match="not written by this command"):
        save_bundle(bundle(), file)
    assert list(load_file(file)) == ["a"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_comes_back_from_folder_and_file(name: str, tmp_path: Path) -> None:
    of = bundle(name)
    for path in (tmp_path / "folder", tmp_path / "file.safetensors"):
        save_bundle(of, path)
        assert same(load(path), of.model, of)


@pytest.mark.parametrize(
    "name", ["lavt", *(pytest.param(each, marks=pytest.mark.slow) for each in ("lgce", "rmsin", "fianet"))]
)
def test_torch_export_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    of = bundle(name)
    file, worst = write_graph(of, Format.torch_export, tmp_path)
    assert worst <= 1e-4
    inputs = example(of, 7)
    with torch.no_grad():
        difference = torch.export.load(file).module()(*inputs) - of.model(*inputs)
    assert float(difference.abs().max()) <= 1e-4


@pytest.mark.parametrize(
    "name", ["lavt", *(pytest.param(each, marks=pytest.mark.slow) for each in ("lgce", "rmsin", "fianet"))]
)
def test_onnx_gives_the_same_logits_or_names_the_extra(name: str, tmp_path: Path) -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"fianet-bench\[onnx\]"):
            write_graph(bundle(name), Format.onnx, tmp_path)
        return
    of = bundle(name)
    file, worst = write_graph(of, Format.onnx, tmp_path)
    assert worst <= 1e-4
    assert onnxruntime.InferenceSession(file).get_outputs()[0].name == "logits"


def test_graph_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.models import export

    of = bundle("blind")
    wrong = lambda bundle: (lambda inputs: bundle.model(*inputs) + 2e-4, b"graph")  # noqa: E731
    monkeypatch.setitem(export._BUILDERS, Format.torch_export, wrong)
    with pytest.raises(UserError, match="differ"):
        write_graph(of, Format.torch_export, tmp_path)
    assert not list(tmp_path.iterdir())


def break_config(folder: Path, **changes: Any) -> None:
    values = json.loads((folder / CONFIG).read_text())
    for key, value in changes.items():
        *path, last = key.split("__")
        inner = values
        for part in path:
            inner = inner[part]
        inner[last] = value
    (folder / CONFIG).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"size": 10**9},
        {"size": True},
        {"vocab_size": 10**6},
        {"model": []},
        {"decoupler": "none"},
        {"categories": 3},
        {"model__encoder__embed_dim": 10**9},
        {"model__encoder__embed_dim": -1},
        {"model__encoder__depths": [10**9, 1, 1, 1]},
        {"model__encoder__depths": []},
        {"model__encoder__window": 10**6},
        {"model__encoder__heads": [0, 0, 0, 0]},
        {"model__tmem__blocks": 10**9},
        {"model__text__layers": 2},
        {"model__text__heads": 0},
        {"model__fusion": "nothing"},
        {"model__name": "${oc.env:HOME}"},
        {"model__more": 1},
    ],
    ids=str,
)
def test_config_that_does_not_fit_its_weights_is_two_lines(changes: dict[str, Any], tmp_path: Path) -> None:
    save_bundle(bundle(), tmp_path)
    break_config(tmp_path, **changes)
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert error.value.remedy
    assert "\n" not in error.value.what


def test_pretrained_names_in_a_file_are_not_followed(tmp_path: Path) -> None:
    save_bundle(bundle(), tmp_path)
    break_config(tmp_path, model__text__pretrained="/nowhere", model__encoder__pretrained="/nowhere")
    assert load_bundle(tmp_path).config.text.pretrained is None


@pytest.mark.parametrize("kept", [0, 4, 100, 5000, -1])
def test_cut_off_weights_are_two_lines(kept: int, tmp_path: Path) -> None:
    save_bundle(bundle(), tmp_path)
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:kept])
    with pytest.raises(UserError, match="cut off"):
        load(tmp_path)


def test_safetensors_header_that_lies_is_two_lines(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"1234")
    with pytest.raises(UserError):
        load(tmp_path / "x.safetensors")


def test_shapes_that_are_not_stored_allocate_nothing(tmp_path: Path, weights: Weights) -> None:
    of = bundle("lavt")
    state = {reference_key(key, of.config): value for key, value in of.model.state_dict().items()}
    state["backbone.patch_embed.proj.weight"] = torch.zeros(1, 1, 1, 1).expand(10**9, 3, 4, 4)
    torch.save(state, "x.pth")
    with pytest.raises(UserError, match="not plain arrays"):
        load_reference("x.pth")
    state["backbone.patch_embed.proj.weight"] = torch.zeros(10**6, 1, 1, 1)
    torch.save(state, "x.pth")
    with pytest.raises(UserError, match=r"shape|missing"):
        load_reference("x.pth")


@pytest.mark.parametrize(
    "words",
    [
        ["import", "x.pth"],
        ["import", "none.pth", "out.safetensors"],
        ["import", "cut.pth", "out.safetensors"],
        ["import", "cut.safetensors", "out.safetensors"],
        ["export", "out=x"],
        ["export", "cell=../..", "out=x"],
        ["export", "cell=0123456789ab", "out=x", "format=pdf"],
        ["export", "cell=0123456789ab", "out=x.safetensors", "format=onnx"],
        ["exprot", "cell=1"],
    ],
    ids=" ".join,
)
def test_wrong_request_is_two_lines_and_exit_code_2(
    words: list[str], cell: str, weights: Weights, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"a": torch.zeros(1000)}, "whole.pth")
    for name in ("cut.pth", "cut.safetensors"):
        Path(name).write_bytes(Path("whole.pth").read_bytes()[:700])
    assert weights(*words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
    assert not Path("x").exists()
