"""In what a cell computes: every model from end to end in bfloat16, and what a precision is part of."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.config.choices import Precision
from bench.config.compose import configuration
from bench.config.request import Request
from bench.inference.alignment import align_cell
from bench.models.export import export_cell
from bench.models.precision import set_precision
from bench.predict import main as predict
from bench.profiling.latency import measure
from bench.run import run
from bench.storage.attention_maps import KINDS, read_maps
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from bench.training import distributed
from bench.training.cell import run_cell

MODELS = ["fianet", "lavt", "lgce", "rmsin"]
# so that the heads of LGCE's neck divide its channels
WIDE = ["model.encoder.embed_dim=16", "model.encoder.heads=[1,1,2,2]", "recipe.epochs=2", "data.workers=0"]


def planned(words: list[str], store: Path) -> Plan:
    prepared = prepare(Request.parse([*words, f"store={store}", "tracking.enabled=false"]))
    prepared.write("test")
    return prepared


def trained(words: list[str], store: Path, stops: int = 0) -> Cell:
    (cell,) = planned(words, store).stored()
    for _ in range(stops):
        run_cell(cell, stop=lambda history: True)
        assert cell.state()["state"] == "stopped", cell.state()["error"]
    run_cell(cell)
    assert cell.done, cell.state()["error"]
    return cell


@pytest.fixture(autouse=True)
def torchs_own_precision() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("model", MODELS)
def test_every_model_goes_from_training_to_masks_in_bfloat16(
    model: str, drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*drawn, *WIDE, f"model={model}", "recipe.precision=bf16"]
    cell = trained(words, tmp_path / "runs")
    assert cell.state()["warnings"] == []
    assert cell.environment()["precision"] == "bf16"
    again = trained(words, tmp_path / "stopped", stops=1)
    assert again.id == cell.id
    for name in ("metrics.json", "samples.parquet", "checkpoints/best.safetensors"):
        assert (again.path / name).read_bytes() == (cell.path / name).read_bytes(), name

    if model == "fianet":
        kept = read_maps(cell)
        assert kept is not None
        made = align_cell(Store(tmp_path / "runs"), cell.id, 3)
        for kind in KINDS:
            for one, other in zip(kept.stages[kind], made.stages[kind], strict=True):
                assert one.dtype == np.float32
                np.testing.assert_allclose(one, other, atol=0.2)

    measured = measure(configuration(words), [1], seconds=0.01)
    assert measured["environment"]["precision"] == "bf16"

    export_cell(Store(tmp_path / "runs"), cell.id, tmp_path / "model", "safetensors")
    Image.fromarray(np.zeros((50, 60, 3), np.uint8)).save(tmp_path / "scene.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["predict", "weights=model", "image=scene.png", "text=the ship"])
    assert predict() == 0


def test_products_are_exact_unless_tf32_is_asked_for() -> None:
    for precision in (Precision.tf32, Precision.float32, Precision.tf32, Precision.bf16):
        distributed.make_accelerator(precision)
        asked = precision == Precision.tf32
        assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is asked


def test_cells_of_every_precision_train_in_one_process(drawn: list[str], tmp_path: Path) -> None:
    found = [trained([*drawn, *WIDE, f"recipe.precision={each}"], tmp_path) for each in Precision]
    assert [cell.environment()["precision"] for cell in found] == ["float32", "tf32", "bf16"]
    assert len({cell.id for cell in found}) == 3
    scored = [cell.metrics()["scores"] for cell in found]
    assert scored[0] == scored[1], "a CPU has no TF32"
    losses = [cell.history()[0]["loss"] for cell in found]
    assert losses[0] != losses[2] == pytest.approx(losses[0], rel=0.05)


def test_precision_is_identity_only_where_it_is_not_float32(drawn: list[str]) -> None:
    plain, given, other = (
        prepare(Request.parse([*drawn, *words])).cells[0]
        for words in ([], ["recipe.precision=float32"], ["recipe.precision=bf16"])
    )
    assert plain.id == given.id != other.id
    assert "precision" not in plain.identity["recipe"]
    assert other.identity["recipe"]["precision"] == "bf16"
    assert configuration([*drawn, "scale=paper", "data=synthetic"]).recipe.precision == "tf32"


def test_precision_of_scoring_is_identity_of_given_weights_too(drawn: list[str], tmp_path: Path) -> None:
    cell = trained([*drawn, *WIDE], tmp_path / "runs")
    export_cell(Store(tmp_path / "runs"), cell.id, tmp_path / "model", "safetensors")
    words = [*drawn, *WIDE, f"weights={tmp_path / 'model'}"]
    ids = {trained([*words, f"recipe.precision={each}"], tmp_path / "scored").id for each in Precision}
    assert len(ids) == 3


def test_gpu_without_bfloat16_refuses_it_before_training(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla V100")
    set_precision(Precision.tf32)
    with pytest.raises(UserError, match=r"recipe\.precision=bf16: Tesla V100") as error:
        set_precision(Precision.bf16)
    assert error.value.remedy
    (cell,) = planned([*drawn, *WIDE, "recipe.precision=bf16"], tmp_path).stored()
    run_cell(cell)
    assert cell.state()["cause"].startswith("recipe.precision=bf16")
    assert not cell.history()


def test_numbers_of_another_precision_do_not_pass_silently(
    drawn: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], last_of_each
) -> None:
    words = last_of_each([*drawn, *WIDE, "launcher=inline", "recipe.epochs=1"])
    cell = trained(words, tmp_path)
    words += [f"store={tmp_path}", "tracking.enabled=false", "dry_run=true"]
    run(words)
    assert "warning" not in capsys.readouterr().err
    for written in ("bf16", "no"):  # as the machine's choice was written before it could be asked for
        cell.write("env", cell.environment() | {"precision": written})
        run(words)
        said = capsys.readouterr().err
        if written == "no":
            assert not said
        else:
            assert said.startswith("warning: 1 done cell of this study computed in bf16")
            assert cell.id in said
            assert "Delete" in said.splitlines()[1]
