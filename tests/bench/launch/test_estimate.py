"""How long a plan is said to take, and what that is said to rest on."""

from pathlib import Path

import pytest

from bench.config.request import Request
from bench.launch.estimate import dry_run, makespan
from bench.study.prepare import prepare


def said(drawn: list[str], tmp_path: Path, *words: str) -> str:
    return dry_run(prepare(Request.parse([*drawn, f"store={tmp_path / 'runs'}", *words])))


@pytest.mark.parametrize(
    ("seconds", "workers", "ends"), [([60, 60, 60], 2, 120), ([60, 60, 60], 3, 60), ([90, 10, 20, 30], 2, 90)]
)
def test_three_cells_on_two_workers_are_two_waves(seconds: list[float], workers: int, ends: float) -> None:
    assert makespan(seconds, workers) == ends


def test_estimate_says_that_nothing_was_measured(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    text = said(drawn, tmp_path, "launcher.workers=2", "seeds=[0,1,2]")
    assert "3 to run: about" in text
    assert "with 2 at once, in 2 waves." in text
    assert (
        "speed: assumed 70 images/s at 96 px on a CPU, nothing was measured; evaluation counts as 3 times"
        in text
    )


def test_first_submission_to_gpus_asks_for_hours_not_weeks(drawn: list[str], tmp_path: Path) -> None:
    from bench.config.compose import configuration
    from bench.launch.slurm_time import Limits
    from bench.storage.speeds import Speeds
    from bench.storage.store import Store

    config = configuration(["scale=paper", "launcher=slurm_gpu", "data=rrsisd"])
    samples = {"train": 12181, "val": 1740, "test": 3481}
    speeds = Speeds(Store(tmp_path))
    assert speeds.of(config).source == "assumed 12 images/s at 480 px on a GPU, nothing was measured"
    assert int(Limits().request(speeds.seconds(config, samples), None)) <= 26 * 60
