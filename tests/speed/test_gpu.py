"""What `make bench-gpu` does, on a CPU: its figures are none, its rows are all there."""

import pytest
import torch

from tests.speed import gpu


def test_every_way_is_measured_beside_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "STEPS", 1)
    monkeypatch.setattr(gpu, "WARM", 0)
    monkeypatch.setattr(gpu, "compile_steps", lambda model, *given: (model, None))
    rows = list(gpu.measure(["model=fianet", "scale=tiny", "recipe.size=32"], 2, torch.device("cpu")))
    assert [row.way for row in rows] == ["float32", "tf32", "bf16", "bf16, compiled"]
    assert all(row.inference > 0 and row.training > 0 for row in rows)
    assert gpu.table(rows).splitlines()[2].count("(1.00 x)") == 2


def test_a_machine_without_a_gpu_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(gpu.UserError, match="no CUDA device"):
        gpu.main.__wrapped__([])
