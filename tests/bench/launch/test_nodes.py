"""One cell trained on several nodes: what is asked of Slurm, and two processes that believe they are two nodes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.launch import slurm
from bench.launch.resources import memory
from bench.storage.speeds import Speeds
from bench.storage.store import Store
from bench.terminal.errors import UserError
from tests.bench.test_run import results

TASK = """
import sys
from bench.launch.slurm_job import CellJob
CellJob(sys.argv[1], sys.argv[2], checkpoint_seconds=60, threads=1, max_failures=3)()
"""


def test_jobs_of_several_nodes_ask_for_each_nodes_share(tmp_path: Path) -> None:
    config = configuration(["launcher=slurm_gpu", "launcher.nodes=2", "launcher.processes=4"]).launcher
    script = slurm.script(tmp_path, 1, slurm.request(config), config)
    for line in ("nodes=2", "ntasks-per-node=4", "gpus-per-node=4"):
        assert f"#SBATCH --{line}\n" in script
    assert "--kill-on-bad-exit=1" in script
    one = configuration(["launcher=slurm_gpu", "launcher.nodes=2"]).launcher
    assert "--kill-on-bad-exit=1" in slurm.script(tmp_path, 1, slurm.request(one), one), (
        "who is left would wait"
    )


def test_memory_is_asked_for_by_node_and_speed_by_team(tmp_path: Path) -> None:
    def config(*words: str):
        return configuration(["launcher=slurm", "recipe.batch_size=16", *words])

    assert memory(config("launcher.nodes=2", "launcher.processes=2")) * 2 == pytest.approx(
        memory(config("launcher.processes=4")), rel=0.01
    )
    speeds = Speeds(Store(tmp_path))
    assert speeds.of(config("launcher.nodes=2", "launcher.processes=4")).images_per_second == 8 * 70


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["launcher.nodes=2"], "launcher.nodes=2: launcher=local knows this machine alone"),
        (["launcher=slurm", "launcher.nodes=3"], "launcher.nodes=3, recipe.accumulate=1: batches of 16"),
        (["launcher=slurm", "launcher.nodes=4", "launcher.processes=4"], "leave parts of 2 or more"),
        (["launcher=slurm", "launcher.nodes=0"], "launcher.nodes=0"),
    ],
)
def test_batches_are_split_over_all_nodes(words: list[str], said: str) -> None:
    with pytest.raises(UserError) as refused:
        configuration(words)
    assert said in str(refused.value)
    assert (
        configuration(["launcher=slurm_gpu", "launcher.nodes=4", "launcher.processes=4"]).launcher.team == 16
    )


@pytest.mark.slow
def test_two_nodes_train_one_cell_as_two_processes_of_one_do(
    command, drawn: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
    words = ["bench.run", *drawn, "tracking.enabled=false", "recipe.epochs=2"]
    assert command(*words, "launcher.processes=2", "store=one/runs").returncode == 0
    (cell,) = Store(tmp_path / "one/runs").cells()
    store = Store(tmp_path / "two/runs")
    planned = store.plan(cell.id, cell.description()["identity"], cell.config())
    tasks = [
        subprocess.Popen(
            [sys.executable, "-c", TASK, store.root, cell.id],
            env=environment | slurm_says(node),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for node in (0, 1)
    ]
    try:
        said = [task.communicate(timeout=180)[0] for task in tasks]
    finally:
        for task in tasks:
            if task.poll() is None:
                os.kill(task.pid, signal.SIGKILL)
    assert [task.returncode for task in tasks] == [0, 0], said
    assert results(tmp_path / "two") == results(tmp_path / "one")
    assert planned.environment()["processes"] == 2
    assert f"what follows is in {planned.log}" in said[0]
    assert f"what follows is in {planned.log}" not in said[1], "one node writes the log"


def slurm_says(node: int) -> dict[str, str]:
    """What Slurm tells the task on each of two nodes; only the first node's name is ever looked up."""
    return {
        "SUBMITIT_EXECUTOR": "slurm",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_NTASKS": "2",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "localhost,other",
        "SLURM_NODEID": str(node),
        "SLURM_PROCID": str(node),
        "SLURM_LOCALID": "0",
    }
