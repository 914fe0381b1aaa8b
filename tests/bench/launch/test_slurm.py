"""The slurm launcher against commands that only pretend: what is asked of Slurm, and what is made of its answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import gc
from bench.config.compose import configuration, plain
from bench.config.request import Request
from bench.launch import resources, slurm, slurm_job, slurm_outcome, slurm_queue, slurm_state
from bench.launch.slurm_queue import Job
from bench.profiling import memory
from bench.storage import snapshot
from bench.storage.cell import GIVEN_UP, Cell
from bench.storage.store import Store
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from bench.training import interrupt
from tests.bench.launch.conftest import Planned

GOLDEN = Path(__file__).with_name("submission.sh")
ASK = ["launcher.memory=48G", "launcher.time=24:00:00"]
LAUNCHER = configuration(["launcher=slurm"]).launcher


def test_script_is_the_golden_file(fake: Path, planned: Planned, tmp_path: Path) -> None:
    words = [
        "launcher=slurm_gpu",
        "launcher.partition=main",
        "launcher.account=lab",
        "launcher.max_parallel=2",
    ]
    words += ["launcher.qos=high", "launcher.constraint=a100", "launcher.setup=[module load cuda]", *ASK]
    cells = planned(words, words)
    slurm.submit(cells, configuration(words).launcher)
    written = (fake / "script.sh").read_text()
    written = re.sub(r"comment=[0-9a-f]{12}$", "comment=TOKEN", written, flags=re.MULTILINE)
    for place, name in (
        (str(tmp_path), "FOLDER"),
        (sys.executable, "PYTHON"),
        (_snapshot(cells[0]), "DIGEST"),
    ):
        written = written.replace(place, name)
    assert written == GOLDEN.read_text()
    assert [cell.job()["id"] for cell in cells] == ["41_0", "41_1"]


def _snapshot(cell: Cell) -> str:
    return str(cell.job()["snapshot"])


def test_one_array_per_distinct_request_and_none_larger_than_slurm_allows(
    fake: Path, planned: Planned
) -> None:
    cells = planned([], [], [], [], ["launcher.memory=32G"])
    slurm.submit(cells, LAUNCHER)
    arrays = (fake / "submitted").read_text().split()
    assert arrays == ["1", "0", "0"], (
        "four equal cells, at most three to an array, and one that wants more memory"
    )
    assert [cell.job()["id"] for cell in cells] == ["41_0", "41_1", "41_2", "41", "41"]


def test_what_has_a_job_or_a_holder_is_not_submitted_again(fake: Path, planned: Planned) -> None:
    cells = planned([], [], [])
    cells[0].write("job", {"id": "7_0", "code": "x", "ask": {}})
    (fake / "squeue.txt").write_text("7_0|PENDING|Priority\n")
    with cells[1].lock():
        sent = slurm.submit(cells, LAUNCHER)
    assert (sent.queued, sent.held) == ([cells[0]], [cells[1]])
    assert list(sent.jobs.values()) == [[cells[2]]]


def test_what_is_done_by_now_is_not_submitted(fake: Path, planned: Planned) -> None:
    finished, ended = planned([], [])
    for number, cell in enumerate((finished, ended)):
        cell.write("job", {"id": f"7_{number}", "code": "x", "ask": {}})
    (fake / "squeue.txt").write_text("7_0|COMPLETED|None\n7_1|COMPLETED|None\n")
    finished.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
    assert list(slurm.submit([finished, ended], LAUNCHER).jobs.values()) == [[ended]]


def test_nothing_is_submitted_twice_while_slurm_does_not_answer(fake: Path, planned: Planned) -> None:
    (cell,) = planned([])
    cell.write("job", {"id": "7", "code": "x", "ask": {}})
    assert slurm.submit([cell], LAUNCHER).queued == [cell]
    (fake / "squeue.txt").write_text("")  # now it answers: no such job
    assert list(slurm.submit([cell], LAUNCHER).jobs) == ["41"]


def test_missing_and_slow_commands_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slurm_queue.ask(["no-such-command"]) is None
    monkeypatch.setattr(slurm_queue, "TIMEOUT", 0.05)
    assert slurm_queue.ask(["sleep", "5"]) is None
    assert "Run it by hand: sleep 5" in str(slurm_queue.tell(["sleep", "5"]))
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "/nowhere")
    assert slurm_queue.jobs(["3_1"])["3_1"] == Job("3_1", slurm_queue.UNKNOWN)
    assert slurm_queue.jobs(["3_1"])["3_1"].alive


def test_sacct_tells_what_squeue_forgot(fake: Path) -> None:
    (fake / "squeue.txt").write_text("5_0|RUNNING|None\n5_1|FAILED|RaisedSignal:9(Killed)\n")
    (fake / "sacct.txt").write_text("4|OUT_OF_MEMORY|0:125\n6|CANCELLED by 1000|0:0\n")
    jobs = slurm_queue.jobs(["5_0", "5_1", "4", "6", "9"])
    assert {id_: job.state for id_, job in jobs.items()} == {
        "5_0": "RUNNING",
        "5_1": "FAILED",
        "4": "OUT_OF_MEMORY",
        "6": "CANCELLED",
        "9": slurm_queue.GONE,
    }
    assert jobs["6"].reason == "by 1000"
    assert [id_ for id_, job in jobs.items() if job.alive] == ["5_0"]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (Job("7", "OUT_OF_MEMORY"), "out of memory"),
        (Job("7", "FAILED", "RaisedSignal:9(Killed)"), "killed (signal 9)"),
        (Job("7", "FAILED", "exit code 0:9"), "killed (signal 9)"),
        (Job("7", "FAILED", "exit code 0:11"), "killed by signal 11"),
        (Job("7", "CANCELLED", "by 1000"), "cancelled (by 1000)"),
        (Job("7", slurm_queue.GONE), "keeps no record"),
    ],
)
def test_cause_of_death_in_words(job: Job, said: str, planned: Planned) -> None:
    (cell,) = planned([])
    assert said in slurm_outcome.cause(cell, job)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "slurmstepd-n1: error: Exceeded job memory limit\nsrun: error: n1: task 0: Killed\n",
            "out of memory",
        ),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0.\n", "out of memory"),
        ("srun: error: n1: task 0: Killed\n", "killed (signal 9)"),
        ("srun: error: n1: task 0: Segmentation fault\n", "Segmentation fault"),
        ("nothing of use\n", "NonZeroExitCode"),
    ],
)
def test_output_tells_what_the_state_does_not(
    output: str, said: str, planned: Planned, tmp_path: Path
) -> None:
    (cell,) = planned([])
    (tmp_path / "7_0_log.out").write_text(output)
    cell.write("job", {"id": "7", "output": str(tmp_path / "7_0_log.out")})
    assert said in slurm_outcome.cause(cell, Job("7", "FAILED", "NonZeroExitCode"))


def test_same_death_three_times_is_final_until_something_changes(fake: Path, planned: Planned) -> None:
    (cell,) = planned([])
    (fake / "squeue.txt").write_text("")
    for number in range(3):
        (fake / "sbatch").write_text(f'#!/bin/sh\necho "Submitted batch job {number}"\n')
        assert slurm.submit([cell], LAUNCHER).jobs, f"try {number}"
        cell.update_state(state="failed", job=str(number), cause=f"CUDA out of memory: tried {number} MiB")
    assert slurm.submit([cell], LAUNCHER).given_up == [cell]
    assert GIVEN_UP in cell.state()["cause"]
    assert "(3 times" in cell.state()["cause"]
    (larger,) = planned(["launcher.memory=99G"])
    assert larger.id == cell.id
    assert slurm.submit([cell], LAUNCHER).jobs, "more memory is a new try"


def test_preemption_and_cancelling_count_for_nothing(fake: Path, planned: Planned) -> None:
    (cell,) = planned([])
    for number, state in enumerate(["PREEMPTED", "CANCELLED", "NODE_FAIL", "PREEMPTED"]):
        cell.update_state(state="lost", attempt=number + 1, job=str(number), cause=None)
        slurm_outcome.record_death(cell, Job(str(number), state), LAUNCHER)
    assert len(cell.deaths()) == 4
    assert not slurm_outcome.given_up(cell, {}, LAUNCHER)
    assert cell.state()["state"] == "lost"


def test_refused_job_is_two_lines(fake: Path, planned: Planned) -> None:
    (fake / "sbatch").write_text(
        "#!/bin/sh\necho 'sbatch: error: invalid partition specified: gpu' >&2; exit 1\n"
    )
    with pytest.raises(UserError, match="invalid partition specified: gpu"):
        slurm.submit(planned([]), LAUNCHER)


@pytest.mark.parametrize(
    "wrong", ["launcher.time=soon", "launcher.time=0", "launcher.memory=much", "launcher.cpus=0"]
)
def test_request_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UserError, match=wrong.partition("=")[0]):
        slurm.request(configuration(["launcher=slurm", wrong]).launcher)


@pytest.mark.parametrize(
    ("files_say", "job", "shown"),
    [
        ("planned", Job("7", "PENDING", "Priority"), "queued"),
        ("planned", Job("7", "PENDING", "JobHeldAdmin"), "queued"),
        ("running", Job("7", "RUNNING"), "running"),
        ("running", Job("7", "PENDING", "BeginTime"), "queued"),
        ("running", Job("7", "OUT_OF_MEMORY"), "failed"),
        ("running", Job("7", "PREEMPTED"), "lost"),
        ("planned", Job("7", "CANCELLED"), "lost"),
        ("failed", Job("7", "FAILED"), "failed"),
        ("planned", Job("7", slurm_queue.UNKNOWN), "queued"),
    ],
)
def test_status_joins_files_and_queue(files_say: str, job: Job, shown: str, planned: Planned) -> None:
    (cell,) = planned([])
    cell.update_state(state=files_say, job="7")
    assert slurm_state.merged(cell, cell.state(), job)["state"] == shown


def test_late_description_is_waited_for(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    (cell,) = planned([])
    hidden = (cell.path / "cell.json").rename(cell.path / "elsewhere")
    monkeypatch.setattr(slurm_job.time, "sleep", lambda seconds: hidden.rename(cell.path / "cell.json"))
    slurm_job._wait_until_visible(cell)
    (cell.path / "cell.json").unlink()
    monkeypatch.setattr(slurm_job.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(slurm_job, "VISIBLE_SECONDS", 0.0)
    with pytest.raises(RuntimeError, match="not to be seen"):
        slurm_job._wait_until_visible(cell)


def test_time_limits_too_short_for_a_single_step_end(fake: Path, planned: Planned) -> None:
    (cell,) = planned([])
    job = slurm_job.CellJob("store", cell.id, 60, 1, max_failures=2)
    assert job._goes_on(cell, progressed=False)
    assert job._goes_on(cell, progressed=True), "a step saved starts the count anew"
    assert job._goes_on(cell, progressed=False)
    assert not job._goes_on(cell, progressed=False)
    assert cell.state()["state"] == "failed"


def test_snapshot_is_named_by_content_and_knows_its_commit(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    for name in ("bench/cell.py", "reports/build.py", "fianet/swin.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    first, training = snapshot.take(tmp_path / "runs", root), snapshot.digest(root)
    assert snapshot.take(tmp_path / "runs", root) == first
    assert snapshot.digest(first) == training
    (root / "reports/build.py").write_text("# edited\n")
    second = snapshot.take(tmp_path / "runs", root)
    assert second != first
    assert snapshot.digest(root) == training, "a report changes no number"
    assert "+# edited" in (second / "diff.patch").read_text()
    assert str(snapshot.commit(second)).endswith("+")
    (root / "fianet/swin.py").write_text("# edited\n")
    assert snapshot.digest(root) != training
    assert (first / "fianet/swin.py").read_text() == "# fianet/swin.py\n"


def test_gc_lists_what_no_command_needs(fake: Path, planned: Planned, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    done, orphan, waiting = planned([], [], [])
    row = {"key": "a", "cells": [{"id": done.id}]}
    store.write_study({"name": "one", "rows": [row]})
    done.checkpoints.mkdir()
    (done.checkpoints / "state-000000001-0123456789abcdef.pt").write_bytes(b"12345")
    (done.checkpoints / "best.safetensors").write_bytes(b"1")
    done.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
    waiting.write("job", {"id": "7", "snapshot": "kept"})
    (fake / "squeue.txt").write_text("7|PENDING|Priority\n")
    for name in ("kept", "old"):
        (tmp_path / "runs/snapshots" / name).mkdir(parents=True)
    found = {(each.kind, each.path.name) for each in gc.rubbish(store)}
    assert found == {
        ("states of done cells", "state-000000001-0123456789abcdef.pt"),
        ("orphaned cells", orphan.id),
        ("code snapshots", "old"),
    }


def test_gc_asks_first(fake: Path, planned: Planned, command, tmp_path: Path) -> None:
    (orphan,) = planned([])
    assert "Nothing was removed" in command("bench.gc").stdout
    assert orphan.path.exists()
    assert command("bench.gc", "yes=true").returncode == 0
    assert not orphan.path.exists()


def test_gc_removes_results_only_for_the_word(
    planned: Planned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (orphan,) = planned([])
    orphan.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
    (tmp_path / "runs/snapshots/old").mkdir(parents=True)
    answers = ["", "y", "delete"]
    monkeypatch.setattr("builtins.input", lambda question: answers.pop(0))
    monkeypatch.setattr(sys, "argv", ["gc", f"store={tmp_path / 'runs'}", "yes=true"])
    assert gc.main() == 0
    assert "Cells with results stay." in capsys.readouterr().out
    assert not (tmp_path / "runs/snapshots/old").exists()
    assert gc.main() == 0
    assert orphan.done
    assert gc.main() == 0
    assert not orphan.path.exists()


def test_gc_keeps_cells_that_an_earlier_plan_named(planned: Planned, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for cell in planned([], ["recipe.epochs=9"]):
        cell.write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
        store.write_study({"name": "one", "rows": [{"key": "a", "cells": [{"id": cell.id}]}]})
    assert not list(gc.rubbish(store))


def test_cancel_names_every_waiting_job(fake: Path, planned: Planned, command, tmp_path: Path) -> None:
    cells = planned([], [])
    store = Store(tmp_path / "runs")
    store.write_study({"name": "one", "rows": [{"key": "a", "cells": [{"id": cell.id} for cell in cells]}]})
    for number, cell in enumerate(cells):
        cell.write("job", {"id": f"7_{number}"})
    (fake / "squeue.txt").write_text("7_0|PENDING|Priority\n7_1|COMPLETED|None\n")
    done = command("bench.cancel", "ablation=one")
    assert done.returncode == 0, done.stderr
    assert (fake / "scancel.asked").read_text() == "7_0\n"
    assert json.loads((cells[0].path / "job.json").read_text())["id"] == "7_0"


def test_noted_signal_interrupts_at_the_next_step() -> None:
    import signal

    before = signal.getsignal(signal.SIGUSR2)
    try:
        interrupt.listen(signal.SIGUSR2)
        interrupt.check()
        os.kill(os.getpid(), signal.SIGUSR2)
        with pytest.raises(interrupt.Interrupted, match="SIGUSR2"):
            interrupt.check()
    finally:
        interrupt.listen()
        signal.signal(signal.SIGUSR2, before)


def test_open_memory_and_time_are_asked_for_by_each_rows_model(drawn: list[str], tmp_path: Path) -> None:
    study = tmp_path / "sizes.yaml"
    study.write_text(
        "rows:\n  small: {}\n  wide: {model: {encoder: {embed_dim: 256, heads: [8, 8, 16, 16]}}}\n"
        "  long: {recipe: {epochs: 100000}}\n"
    )
    words = [*drawn, f"ablation={study}", "launcher=slurm", f"store={tmp_path / 'runs'}"]
    words = [
        word
        for word in words
        if not word.startswith(("model.encoder.embed", "model.encoder.heads", "recipe.epochs"))
    ]
    prepared = prepare(Request.parse(words))
    prepared = resources.complete(prepared).plan
    small, wide, long = (slurm.request(cell.config.launcher) for cell in prepared.cells)
    assert int(wide["memory"][:-1]) > int(small["memory"][:-1]) == int(long["memory"][:-1])
    assert long["time"] > small["time"] == wide["time"] == 30
    for cell in prepared.cells:  # submitted once, a cell asks for the same however fast others turn out to be
        prepared.store.plan(cell.id, cell.identity, plain(cell.config))
        asked = slurm.request(cell.config.launcher)
        prepared.store.cell(cell.id).write("job", {"id": "7", "ask": asked | {"memory": "6G", "time": 90}})
    again = resources.complete(prepare(Request.parse(words))).plan
    assert {(each.config.launcher.memory, each.config.launcher.time) for each in again.cells} == {
        ("6G", "90")
    }

    given = resources.complete(prepare(Request.parse([*words, "launcher.memory=3G", "launcher.time=5"]))).plan
    assert {(each.config.launcher.memory, each.config.launcher.time) for each in given.cells} == {("3G", "5")}


def test_what_training_keeps_grows_with_the_part_that_is_computed_at_once() -> None:
    def kept(*words: str) -> int:
        config = configuration(["recipe.size=64", "recipe.batch_size=8", *words])
        return memory.kept_for_backward(memory.weightless(config), config)

    assert kept() == pytest.approx(2 * kept("recipe.accumulate=2"), rel=0.05)
    assert kept("launcher.processes=2") == kept("recipe.accumulate=2")
    assert kept() > kept("model=lavt")
