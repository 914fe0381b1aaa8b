"""The command as a user meets it: tables, resuming, failing, and being killed."""

import json
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from bench.config.request import Request
from bench.storage.store import Store


def test_help_lists_what_can_be_named(command) -> None:
    done = command("bench.run", "--help")
    assert done.returncode == 0
    for word in ("fiam", "lavt", "synthetic", "refsegrs", "paper", "inline", "recipe.lr"[:6]):
        assert word in done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "bench.run",
        "bench.refer",
        "bench.status",
        "bench.study.plan",
        "bench.storage.store",
        "bench.config.help",
        "bench.attention",
        "reports.build",
        "bench.study.prepare",
    ],
)
def test_planning_and_reporting_import_no_torch(module: str, command, environment, tmp_path) -> None:
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path).returncode == 0


def test_reader_that_has_seen_enough_is_no_error(environment, tmp_path) -> None:
    words = [sys.executable, "-m", "bench.run", "--help"]
    running = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    assert running.stderr.read() == ""
    assert running.wait() in (0, 1)


@pytest.mark.parametrize(
    "words", [["dta=x"], ["ablation=fian"], ["data=rrsisd", "data.root=nowhere"], ["+x=1"]]
)
def test_wrong_request_is_two_lines_and_exit_code_2(words: list[str], command) -> None:
    done = command("bench.run", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    assert not done.stdout


def test_study_from_nothing_to_table_then_again_without_training(command, study, drawn, tmp_path) -> None:
    first = command("bench.run", study, *drawn, "launcher=inline")
    assert first.returncode == 0, first.stderr
    assert "FIAM" in first.stdout
    assert "mlflow: run" in first.stdout
    store = Store(tmp_path / "runs")
    cells = store.cells()
    assert [cell.state()["state"] for cell in cells] == ["done", "done"]
    report = tmp_path / "runs/reports/mini"
    assert {"table.tex", "table.md", "table.html", "table.csv"} <= {path.name for path in report.iterdir()}
    assert r"Blind \& deaf" in (report / "table.tex").read_text()
    before = {path: path.read_bytes() for cell in cells for path in cell.path.rglob("*") if path.is_file()}

    again = command("bench.run", study, *drawn, "launcher=inline")
    assert again.returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    tables = [each.stdout.partition("\ntables: ")[0] for each in (first, again)]
    assert tables[0][tables[0].index("Method") :] == tables[1][tables[1].index("Method") :]

    status = command("bench.status", "ablation=mini", "--json")
    assert status.returncode == 0
    assert [cell["state"] for cell in json.loads(status.stdout)["mini"]] == ["done", "done"]
    assert command("reports.build", "ablation=mini").returncode == 0

    mirrored = mlflow_runs(tmp_path)
    assert sorted(run.data.tags["kind"] for run in mirrored) == ["row", "row", "seed", "seed", "study"]
    seeds = [run for run in mirrored if run.data.tags["kind"] == "seed"]
    assert {run.data.tags["cell"] for run in seeds} == {cell.id for cell in cells}
    (whole,) = [run for run in mirrored if run.data.tags["kind"] == "study"]
    assert whole.data.params["recipe.epochs"] == "3"
    assert "test/mIoU" in seeds[0].data.metrics


def mlflow_runs(folder: Path) -> list:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'runs/mlflow.db'}")
    return list(client.search_runs([client.get_experiment_by_name("fianet-bench").experiment_id]))


def test_dry_run_tells_the_plan_and_writes_no_cell(command, study, drawn, tmp_path) -> None:
    done = command("bench.run", study, *drawn, "dry_run=true")
    assert done.returncode == 0
    assert "0 done, 2 to run: about" in done.stdout
    assert not (tmp_path / "runs/cells").exists()


def test_status_shows_cells_that_never_started(command, study, drawn, tmp_path) -> None:
    from bench.study.prepare import prepare

    prepare(Request.parse([study, *drawn, f"store={tmp_path / 'runs'}"])).write("again")
    done = command("bench.status")
    assert done.returncode == 1
    assert done.stdout.count("missing") >= 2


def test_one_failing_cell_does_not_stop_the_others(command, study, drawn, tmp_path) -> None:
    from bench.study.prepare import prepare

    words = [study, *drawn, "recipe.epochs=1", "launcher.workers=2", "tracking.enabled=false"]
    store = tmp_path / "runs"
    prepared = prepare(Request.parse([*words, f"store={store}"]))
    prepared.write("again")
    broken = prepared.stored()[0]
    (broken.path / "checkpoints").write_text("a file where a folder should be")
    done = command("bench.run", *words)
    assert done.returncode == 1
    assert [cell.state()["state"] for cell in prepared.stored()] == ["failed", "done"]
    assert "1 failed: " in done.stderr
    assert "retry: python -m bench.run" in done.stderr
    assert "Blind" in done.stdout, "the table shows the missing cell"


def start(command_words: list[str], folder: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", *command_words],
        cwd=folder,
        env=environment,
        stdout=(folder / "output.txt").open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def results(folder: Path) -> dict[str, bytes]:
    """What must be the same to the byte however often a cell was interrupted."""
    (cell,) = Store(folder / "runs").cells()
    return {
        name: (cell.path / name).read_bytes() for name in ("metrics.json", "checkpoints/best.safetensors")
    }


def test_killed_mid_epoch_goes_on_to_the_same_bytes(command, drawn, environment, tmp_path) -> None:
    words = [
        "bench.run",
        *drawn,
        "launcher=local",
        "tracking.enabled=false",
        "launcher.checkpoint_seconds=0.0001",
    ]
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    assert command(*words, "store=whole/runs").returncode == 0
    whole = results(tmp_path / "whole")

    running = start([*words, "store=killed/runs"], tmp_path, environment)
    checkpoints = tmp_path / "killed/runs/cells"
    # 6 steps an epoch: a state between 7 and 11 lies in the middle of the second
    wait_for(
        lambda: any(7 <= int(path.name[6:15]) <= 11 for path in checkpoints.glob("*/checkpoints/state-*.pt"))
    )
    running.send_signal(signal.SIGKILL)
    running.wait()
    (cell,) = Store(tmp_path / "killed/runs").cells()
    wait_for(lambda: not cell.locked())  # the worker follows its launcher
    assert cell.state()["state"] == "lost"
    assert not cell.done

    assert command(*words, "store=killed/runs").returncode == 0
    assert results(tmp_path / "killed") == whole
    assert cell.state()["attempt"] == 2


def test_two_runs_at_once_train_a_cell_once(study, drawn, environment, tmp_path) -> None:
    words = ["bench.run", study, *drawn, "tracking.enabled=false"]
    both = [start(words, tmp_path, environment) for _ in range(2)]
    assert [run.wait(120) for run in both] == [0, 0], (tmp_path / "output.txt").read_text()
    for cell in Store(tmp_path / "runs").cells():
        assert cell.state()["attempt"] == 1
        assert cell.done


def test_mistake_found_in_a_cell_ends_in_what_to_do_and_no_traceback(tmp_path: Path) -> None:
    from bench.launch.cell_status import _last_words
    from bench.terminal.errors import UserError

    cell = Store(tmp_path).plan("0123456789ab", {}, {})
    for error, last in ((UserError("weights=x: wrong.", "Pass y."), ["Pass y."]), (ValueError("a\nb"), None)):
        try:
            raise error
        except (UserError, ValueError):
            cell.update_state(state="failed", error=traceback.format_exc())
        assert _last_words(cell) == last or (last is None and _last_words(cell)[-1] == "b")
    cell.update_state(
        error="Traceback (most recent call last):\nbench.errors.UserError: weights=x: wrong.\nPass z."
    )
    assert _last_words(cell) == ["Pass z."], "as versions wrote it that kept the class elsewhere"
