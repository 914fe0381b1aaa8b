"""What only a CUDA device can show; one command runs all of it: `make gpu` (docs/gpu.md)."""

import json
from pathlib import Path

import pytest
import torch

from bench.config.compose import configuration
from bench.models.build import build_model
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.training.distributed import make_accelerator
from tests.bench.conftest import Run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
MODELS = ("lavt", "lgce", "rmsin", "fianet")
NATIVE_BF16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
PRECISIONS = ["float32", "tf32", *(["bf16"] if NATIVE_BF16 else [])]
# worst difference of a logit to float32 on the CPU, as a share of their spread
CLOSE = {"float32": 1e-3, "tf32": 2e-2, "bf16": 1e-1}
UNTRACKED = "tracking.enabled=false"


def only_cell(folder: Path) -> Cell:
    (cell,) = Store(folder / "runs").cells()
    return cell


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_logits_agree_with_the_cpu(model: str, precision: str) -> None:
    config = configuration([f"model={model}", f"recipe.precision={precision}"])
    torch.manual_seed(0)
    built = build_model(config.model, 300, 96).eval()
    image = torch.randn(2, 3, 96, 96)
    ids, mask = torch.randint(5, 300, (2, 22)), torch.ones(2, 22, dtype=torch.int64)
    inputs = (image, ids, mask, mask, mask)
    with torch.inference_mode():
        expected = built(*inputs)
        accelerator = make_accelerator(config.recipe.precision)
        moved = built.to(accelerator.device)
        with accelerator.autocast():
            found = moved(*(each.to(accelerator.device) for each in inputs)).float().cpu()
    assert (found - expected).abs().max() < CLOSE[precision] * expected.std()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_passes_a_rehearsal(model: str, precision: str, command: Run, drawn: list[str]) -> None:
    done = command("bench.run", *drawn, f"model={model}", f"recipe.precision={precision}", "rehearse=true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert torch.cuda.get_device_name().split()[0] in done.stdout


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_cell_trains_to_the_end_with_its_maps(
    precision: str, command: Run, drawn: list[str], tmp_path: Path
) -> None:
    done = command("bench.run", *drawn, f"recipe.precision={precision}", UNTRACKED)
    assert done.returncode == 0, done.stderr
    cell = only_cell(tmp_path)
    assert cell.environment()["precision"] == precision
    assert not cell.state().get("warnings")
    assert (cell.path / "figures/attention.npz").exists()


def test_a_trained_cell_is_exported_predicted_looked_into_and_profiled(
    command: Run, drawn: list[str], tmp_path: Path
) -> None:
    assert command("bench.run", *drawn, UNTRACKED).returncode == 0
    cell = only_cell(tmp_path)
    assert command("bench.weights", "export", f"cell={cell.id}", "out=exported").returncode == 0
    image = next((Path(cell.config()["data"]["root"]) / "images/rrsisd/JPEGImages").glob("*"))
    done = command("bench.predict", "weights=exported", f"image={image}", "text=the red car", "json=true")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["files"]["mask"]
    assert command("bench.attention", f"cell={cell.id}").returncode == 0
    done = command("bench.profile", *drawn, "batch_sizes=[2]", "seconds=1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["machine"]["batches"]["2"]["peak_memory"]


@pytest.mark.skipif(NATIVE_BF16, reason="this device has bf16")
def test_a_device_without_bf16_refuses_it_before_training(
    command: Run, drawn: list[str], tmp_path: Path
) -> None:
    done = command("bench.run", *drawn, "recipe.precision=bf16", UNTRACKED)
    assert done.returncode == 1
    assert "bf16" in str(only_cell(tmp_path).state()["cause"])
    assert not only_cell(tmp_path).history()
