"""One cell trained by two processes that talk over gloo, as they talk over NCCL on GPUs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bench.config.compose import configuration
from bench.config.request import Request
from bench.config.schema import LauncherConfig
from bench.launch import slurm
from bench.launch.devices import share_machine
from bench.launch.local import places
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from bench.training.team import MEETING
from tests.bench.conftest import REPO
from tests.bench.test_run import results, start, wait_for

TEAM, LEAVER = (Path(__file__).with_name(name) for name in ("team.py", "leaver.py"))
NO_GPUS = {  # as the fixture `environment`, without GPUs
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
TWO = ["launcher.processes=2", "tracking.enabled=false"]


@pytest.fixture(autouse=True)
def no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


CASES = [["ce_dice", "sum", 1], ["ce_dice", "sum", 2], ["ce_dice", "mean", 1], ["ce", "sum", 2]]


def gradients(
    out: Path, processes: int, cases: list[list[object]], words: list[str]
) -> dict[str, np.ndarray]:
    """Of one batch, by case and parameter."""
    team = [
        subprocess.Popen(
            [sys.executable, TEAM, out, json.dumps(cases), *words],
            env=NO_GPUS | place,
            stderr=subprocess.PIPE,
            text=True,
        )
        for place in places(processes)
    ]
    for process in team:
        said = process.communicate(timeout=180)[1]
        assert process.returncode == 0, said
    return dict(np.load(out))


def test_gradients_of_two_processes_are_those_of_one(drawn: list[str], tmp_path: Path) -> None:
    whole = [[loss, dice, 1] for loss, dice, _ in CASES]
    one = gradients(tmp_path / "one.npz", 1, whole, drawn)
    two = gradients(tmp_path / "two.npz", 2, CASES, drawn)
    for (loss, dice, _), case in zip(whole, CASES, strict=True):
        expected = {key.partition(":")[2]: one[key] for key in one if key.startswith(f"{loss} {dice} 1:")}
        assert len(expected) > 20
        for name, value in expected.items():
            found = two[f"{' '.join(map(str, case))}:{name}"]
            np.testing.assert_allclose(found, value, rtol=2e-4, atol=1e-6, err_msg=f"{case} {name}")


def trained(folder: Path) -> Cell:
    (cell,) = Store(folder / "runs").cells()
    return cell


@pytest.fixture(scope="module")
def whole(drawn: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes trained a cell without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    running = start(["bench.run", *drawn, *TWO], folder, NO_GPUS)
    assert running.wait(180) == 0, (folder / "output.txt").read_text()
    return folder


def test_two_processes_keep_steps_and_rates_and_score_every_expression_once(
    whole: Path, command, drawn: list[str], tmp_path: Path
) -> None:
    together = trained(whole)
    assert command("bench.run", *drawn, "store=alone/runs", "tracking.enabled=false").returncode == 0
    alone = trained(tmp_path / "alone")
    assert alone.id == together.id
    for name in ("step", "lr"):
        assert [epoch[name] for epoch in together.history()] == [epoch[name] for epoch in alone.history()]
    assert together.history()[0]["loss"] == pytest.approx(alone.history()[0]["loss"], rel=0.05)
    expected, found = alone.samples(), together.samples()
    assert expected is not None
    assert found is not None
    said = ["split", "ref_id", "image_id", "sentence", "mask_area"]
    pd.testing.assert_frame_equal(found[said], expected[said])
    assert together.environment()["processes"] == 2
    assert together.log.read_text().count("warning: batch norm has no synchronised form on CPUs") == 1


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_killed_process_ends_the_others_and_the_next_run_goes_on_to_the_same_bytes(
    rank: int, whole: Path, command, drawn: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    words = ["bench.run", *drawn, *TWO, "launcher.checkpoint_seconds=0.0001", "store=killed/runs"]
    (tmp_path / "killed").mkdir()
    running = start(words, tmp_path, environment)
    cells = tmp_path / "killed/runs/cells"
    wait_for(lambda: any(7 <= int(path.name[6:15]) <= 11 for path in cells.glob("*/checkpoints/state-*.pt")))
    os.kill(team_in(tmp_path)[rank], signal.SIGKILL)
    assert running.wait(60) == 1
    cell = trained(tmp_path / "killed")
    assert cell.state()["cause"].startswith("killed (signal 9)")
    assert team_in(tmp_path) == []

    again = command(*words)
    assert again.returncode == 0, again.stderr
    assert results(tmp_path / "killed") == results(whole)


def team_of(case: str, cell: Cell) -> tuple[list[int | None], float]:
    """Exit codes of the two processes of a cell in which something goes wrong, and the seconds they took."""
    began = time.monotonic()
    words = [case, f"store={cell.path.parents[1]}", f"id={cell.id}", "threads=1"]
    with cell.log.open("a") as log:
        team = [
            subprocess.Popen([sys.executable, LEAVER, *words], env=NO_GPUS | place, stdout=log, stderr=log)
            for place in places(2)
        ]
        try:
            for process in team:
                process.wait(110)
        finally:
            for process in team:
                process.kill()
    return [process.wait() for process in team], time.monotonic() - began


@pytest.fixture
def ready(drawn: list[str], tmp_path: Path) -> Cell:
    """A cell that two processes shall train."""
    prepared = prepare(Request.parse([*drawn, *TWO, f"store={tmp_path / 'runs'}"]))
    prepared.write("test")
    (cell,) = prepared.stored()
    return cell


@pytest.mark.parametrize(
    ("case", "codes", "state", "cause"),
    [
        pytest.param(
            "memory0", [1, 0], "failed", "OutOfMemoryError: CUDA out of memory.", marks=pytest.mark.slow
        ),
        ("memory1", [1, 1], "failed", "process 1: OutOfMemoryError: CUDA out of memory."),
        pytest.param(
            "signal0", [1, 0], "lost", "stopped by SIGTERM; its state is saved", marks=pytest.mark.slow
        ),
        pytest.param(
            "signal1",
            [1, 0],
            "lost",
            "stopped by a signal to a process beside it; its state is saved",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "signalled1",
            [1, 0],
            "lost",
            "stopped by a signal to a process beside it; its state is saved",
            marks=pytest.mark.slow,
        ),
        pytest.param("superseded0", [75, 0], "lost", None, marks=pytest.mark.slow),
    ],
)
def test_all_end_within_a_minute_with_the_cause_when_one_leaves(
    case: str, codes: list[int], state: str, cause: str | None, ready: Cell, whole: Path
) -> None:
    found, seconds = team_of(case, ready)
    said = ready.log.read_text()
    assert found == codes, said
    assert seconds < 100, "a minute on a quiet machine, with the time to start"
    assert (ready.state()["state"], ready.state()["cause"]) == (state, cause), said
    if case == "superseded0":
        assert "process 0: another process took the cell over" in said
    if case.startswith("signal"):
        assert team_of("nothing", ready)[0] == [0, 0], ready.log.read_text()
        assert results(ready.path.parents[2]) == results(whole)


def test_teams_meet_at_a_port_that_is_chosen_by_who_listens_or_by_a_cluster(tmp_path: Path) -> None:
    here, there = places(2), places(2)
    assert not any("MASTER_PORT" in place for place in [*here, *there])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    told = [{key: value for key, value in place.items() if key != MEETING} | port for place in places(2)]
    assert here[0][MEETING] == here[1][MEETING] != there[0][MEETING]
    code = (
        "import sys; from bench.training import distributed; from accelerate.utils import broadcast_object_list\n"
        "distributed.begin(True); print(*broadcast_object_list([sys.argv[1]])); distributed.end()"
    )
    teams = [
        subprocess.Popen(
            [sys.executable, "-c", code, name], env=NO_GPUS | place, stdout=subprocess.PIPE, text=True
        )
        for name, team in (("here", here), ("there", there), ("told", told))
        for place in team
    ]
    assert [process.communicate(timeout=100)[0].split() for process in teams] == [
        ["here"],
        ["here"],
        ["there"],
        ["there"],
        ["told"],
        ["told"],
    ]
    assert not Path(here[0][MEETING]).exists()


def team_in(folder: Path) -> list[int]:
    """The processes that train a cell for a command started in this folder, by rank."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() != folder or b"bench.cell" not in (
                process / "cmdline"
            ).read_bytes():
                continue
            variables = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        found.update({word: int(process.name) for word in variables if word.startswith(b"RANK=")})
    return [found[rank] for rank in sorted(found)]


def test_gpus_are_given_to_cells_in_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert [devices.gpus for devices in share_machine(LauncherConfig(processes=2), 9)] == ["0,1", "2,3"]
    with pytest.raises(UserError, match="this machine has 5 GPUs"):
        share_machine(LauncherConfig(processes=8), 9)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["launcher=inline", "launcher.processes=2"], "trains in this process alone"),
        (
            ["launcher.processes=3"],
            "launcher.processes=3, recipe.accumulate=1: batches of 16 do not split so",
        ),
        (["launcher.processes=8", "recipe.accumulate=2"], "do not split so"),
        (["launcher.processes=0"], "launcher.processes=0"),
    ],
)
def test_batches_that_do_not_split_are_refused(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match=said):
        configuration(words)


def test_single_images_a_process_are_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7")
    assert configuration(["launcher.processes=8", "recipe.batch_size=8"]).launcher.processes == 8


def test_jobs_of_several_processes_ask_for_all_their_gpus(tmp_path: Path) -> None:
    config = configuration(["launcher=slurm_gpu", "launcher.processes=4"]).launcher
    script = slurm.script(tmp_path, 1, slurm.request(config), config)
    assert "#SBATCH --ntasks-per-node=4" in script
    assert "#SBATCH --gpus-per-node=4" in script
    assert "--kill-on-bad-exit=1" in script


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_gpus_normalise_as_one(
    command, drawn: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    del environment["CUDA_VISIBLE_DEVICES"]
    done = command("bench.run", *drawn, *TWO)
    assert done.returncode == 0, done.stderr
    cell = trained(tmp_path)
    assert cell.environment()["processes"] == 2
    assert "no synchronised form" not in cell.log.read_text()
    samples = cell.samples()
    assert samples is not None
    assert not samples.duplicated(["split", "ref_id"]).any()
