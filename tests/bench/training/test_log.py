"""What a cell says while it trains."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.config.request import Request
from bench.study.prepare import prepare
from bench.training import log
from bench.training.cell import run_cell


def accelerator(main: bool = True) -> SimpleNamespace:
    return SimpleNamespace(is_main_process=main)


def test_an_epoch_is_a_line_that_names_the_split_and_the_best() -> None:
    record = {"epoch": 2, "loss": 0.51239, "val": {"mIoU": 45.2, "oIoU": 60.0}, "images": 100, "seconds": 4.0}
    said = "epoch 3/18: loss 0.5124, val mIoU 45.20 oIoU 60.00, the best so far, 25 images/s with evaluation"
    assert log.epoch_line(record, 18, "val", better=True) == said
    assert "best" not in log.epoch_line(record, 18, "val", better=False)


def test_process_zero_alone_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    log.tell(accelerator(False), "nothing")  # type: ignore[arg-type]
    log.tell(accelerator(), "something")  # type: ignore[arg-type]
    assert re.fullmatch(r"\d\d:\d\d:\d\d something\n", capsys.readouterr().err)


def test_a_log_on_a_full_disk_ends_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*said: object, **how: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.print", full)
    log.tell(accelerator(), "lost")  # type: ignore[arg-type]


def test_a_training_is_told_from_beginning_to_scores_and_where_it_goes_on(
    drawn: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*drawn, "recipe.epochs=2", f"store={tmp_path / 'runs'}", "tracking.enabled=false"]
    plan = prepare(Request.parse(words))
    plan.write("test")
    (cell,) = plan.stored()
    assert run_cell(cell, stop=lambda history: True)  # leaves after an epoch
    first = capsys.readouterr().err
    assert run_cell(cell)
    second = capsys.readouterr().err
    assert "training begins: 2 epochs of" in first
    assert "epoch 1/2: loss" in first
    assert "training goes on in epoch 2, batch 1" in second
    assert "epoch 2/2: loss" in second
    assert "scoring test and shuffled" in second
    assert re.search(r"test: mIoU \d+\.\d\d, oIoU \d+\.\d\d", second)
