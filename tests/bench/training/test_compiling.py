"""What `recipe.compile` does on any machine; that it is faster, only a GPU shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bench.config.compose import configuration
from bench.config.identity import identity
from bench.config.request import Request
from bench.models.build import build_model
from bench.study.prepare import prepare
from bench.training import compiling
from bench.training.cell import run_cell
from tests.bench.training.test_checkpointing import batch


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process keeps its settings."""
    monkeypatch.setenv(compiling.FOLDER, "elsewhere")
    with torch._dynamo.config.patch(suppress_errors=False):
        yield


def test_without_a_compiler_a_cell_trains_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*args: object, **named: object) -> None:
        raise RuntimeError("no C++ compiler here\nand much more")

    monkeypatch.setattr(torch, "compile", broken)
    model = torch.nn.Linear(2, 2)
    stepped, why = compiling.compile_steps(model, torch.device("cpu"), tmp_path)
    assert why == "RuntimeError: no C++ compiler here"
    assert stepped is model


def test_the_model_stays_as_it_is_and_what_is_compiled_has_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(compiling.FOLDER)
    monkeypatch.setattr(compiling, "_impossible", lambda device: None)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    stepped, why = compiling.compile_steps(model, torch.device("cpu"), tmp_path / "compiled")
    assert why is None
    assert stepped is not model
    assert next(stepped.parameters()) is next(model.parameters())
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert compiling.os.environ[compiling.FOLDER] == str(tmp_path / "compiled")


def test_cells_that_ask_for_it_have_ids_of_their_own() -> None:
    plain, fused = (
        identity(configuration([f"recipe.compile={word}"]), 0, "data", lambda source: str(source))
        for word in ("false", "true")
    )
    assert "compile" not in plain["recipe"]
    assert fused["recipe"]["compile"] is True


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lavt", "lgce", "rmsin", "fianet"])
def test_a_model_is_captured_as_one_graph_with_the_same_gradients(name: str) -> None:
    """With a backend that generates no code: what kernels would be made of is found, without a break."""
    config = configuration([f"model={name}", "recipe.size=64"])
    torch.manual_seed(0)
    model = build_model(config.model, 60, 64).train()
    found = []
    for compiled in (False, True):
        if compiled:
            torch._dynamo.reset()
            model.compile(backend="eager", fullgraph=True, dynamic=False)
        model.zero_grad()
        torch.manual_seed(1)  # of dropout
        loss = model(*batch()).square().mean()
        loss.backward()
        found.append(
            (loss.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        )
    (loss, gradients), (other_loss, others) = found
    torch.testing.assert_close(other_loss, loss)
    for each, gradient in gradients.items():
        torch.testing.assert_close(others[each], gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_generated_kernels_compute_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(compiling.FOLDER)
    model = build_model(configuration(["model=lavt", "recipe.size=64"]).model, 60, 64).eval()
    stepped, why = compiling.compile_steps(model, torch.device("cpu"), tmp_path)
    assert why is None
    torch._dynamo.config.suppress_errors = False  # else what cannot be compiled would run as it is, and agree
    with torch.no_grad():
        torch.testing.assert_close(stepped(*batch()), model(*batch()), atol=1e-4, rtol=1e-4)
    assert [*tmp_path.rglob("*.cpp")], "kernels lie in the folder that was asked for"


def test_sizes_stay_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As symbols, once a second size was met, they took a quarter of an hour of algebra and more."""
    asked: dict[str, object] = {}
    monkeypatch.setattr(compiling, "_impossible", lambda device: None)
    monkeypatch.setattr(torch, "compile", lambda model, **how: asked.update(how) or model)
    compiling.compile_steps(torch.nn.Linear(2, 2), torch.device("cpu"), tmp_path)
    assert asked["dynamic"] is False


def test_a_cell_is_trained_by_what_was_compiled_and_scored_without(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []

    class Stepped(torch.nn.Module):
        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            calls.append(self.model.training)
            return self.model(*given)

    monkeypatch.setattr(compiling, "_impossible", lambda device: None)
    monkeypatch.setattr(torch, "compile", lambda model, **how: Stepped(model))
    words = [*drawn, "recipe.epochs=1", "recipe.compile=true", f"store={tmp_path / 'runs'}"]
    plan = prepare(Request.parse([*words, "tracking.enabled=false"]))
    plan.write("test")
    (cell,) = plan.stored()
    assert run_cell(cell)
    assert cell.done
    assert calls
    assert all(calls)


def test_a_cell_that_cannot_be_compiled_says_so_and_is_trained(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiling, "_impossible", lambda device: "no compiler")
    words = [*drawn, "recipe.epochs=1", "recipe.compile=true", f"store={tmp_path / 'runs'}"]
    plan = prepare(Request.parse([*words, "tracking.enabled=false"]))
    plan.write("test")
    (cell,) = plan.stored()
    assert run_cell(cell)
    assert cell.done
    assert cell.state()["warnings"] == ["recipe.compile: no compiler; trained without."]
