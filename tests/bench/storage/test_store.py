import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest

from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.terminal.errors import UserError

IDENTITY, CONFIG = {"seed": 0}, {"recipe": {"epochs": 2}}
SCORED = {"scores": {"test": {"mIoU": 40.0}}, "counts": {"test": 3}}


def process(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another Python process that prints `ready` when it is where the test wants it."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    assert started.stdout.readline().strip() == "ready"
    return started


def test_killed_while_writing_metrics_is_not_done(tmp_path: Path) -> None:
    cell = Store(tmp_path).plan("abc", IDENTITY, CONFIG)
    writer = process(
        """
        import os, sys, time
        from bench.storage import files
        from bench.storage.store import Store
        def stall(descriptor):
            print("ready", flush=True)
            time.sleep(60)
        os.fsync = stall
        Store(sys.argv[1]).cell("abc").write("metrics", {"scores": {"test": {"mIoU": 1.0}}})
        """,
        str(tmp_path),
    )
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert not cell.done
    assert cell.metrics() is None
    assert cell.state()["state"] == "planned"
    cell.write("metrics", SCORED)
    assert cell.metrics() == SCORED


def test_cell_is_held_by_one_process_and_free_when_it_is_killed(tmp_path: Path) -> None:
    cell = Store(tmp_path).plan("abc", IDENTITY, CONFIG)
    cell.update_state(state="running")
    owner = process(
        """
        import sys, time
        from bench.storage.store import Store
        with Store(sys.argv[1]).cell("abc").lock() as held:
            assert held
            print("ready", flush=True)
            time.sleep(60)
        """,
        str(tmp_path),
    )
    with cell.lock() as free:
        assert not free
    assert cell.state()["state"] == "running"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with cell.lock() as free:
        assert free
    assert cell.state()["state"] == "lost"


def test_state_of_a_cell_with_metrics_is_done_whatever_was_written(tmp_path: Path) -> None:
    cell = Store(tmp_path).plan("abc", IDENTITY, CONFIG)
    cell.update_state(state="failed")
    cell.write("metrics", SCORED)
    assert cell.state()["state"] == "done"


def test_history_cut_short_is_read_up_to_the_cut(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell("abc")
    cell.write_history([{"epoch": 0}, {"epoch": 1}])
    with (cell.path / "history.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    assert [record["epoch"] for record in cell.history()] == [0, 1]


@pytest.mark.parametrize(
    "content",
    [
        *("{}", "[]", '"x"', "3", "null", "{", "", "\xff"),
        *(
            '{"scores": {}}',
            '{"scores": [1]}',
            '{"scores": {"test": {}}}',
            '{"scores": {"test": {"mIoU": "x"}}}',
        ),
        '{"scores": {"test": {"mIoU": 1.0}}, "counts": 3}',
    ],
)
def test_damaged_metrics_are_not_done(tmp_path: Path, content: str) -> None:
    cell = Store(tmp_path).plan("abc", IDENTITY, CONFIG)
    cell.update_state(state="done")
    (cell.path / "metrics.json").write_bytes(content.encode("latin-1"))
    assert not cell.done
    assert cell.state()["state"] == "lost", "the same run goes on with it"


@pytest.mark.parametrize(
    "content", ["{}", "[]", '"x"', "3", "null", "{", "\xff", '["x"]', '{"state": [], "id": 3}']
)
def test_files_of_another_shape_count_as_missing(tmp_path: Path, content: str) -> None:
    from bench.launch.cell_status import study_status

    store = Store(tmp_path)
    cell = store.plan("abc", IDENTITY, CONFIG)
    for name in ("state", "cell", "job", "deaths", "progress", "env"):
        (cell.path / f"{name}.json").write_bytes(content.encode("latin-1"))
    known = [cell.config(), cell.job(), cell.deaths(), cell.progress()]
    assert known == [{}, {}, [], {}]
    assert cell.state()["state"] == "missing"
    row = {"key": "a", "label": "A", "cells": [{"dataset": "d", "seed": 0, "id": "abc"}]}
    (status,) = study_status(store, {"rows": [row]})
    assert status.state == "missing"
    assert store.plan("abc", IDENTITY, CONFIG).config() == CONFIG
    cell.update_state(state="running", attempt=1)
    assert cell.state() == {"state": "lost", "attempt": 1} | ({"id": 3} if "id" in content else {})


@pytest.mark.parametrize("line", ['"x"', "[1]", "3", "null", "{}", '{"epoch": "x"}', "\xff"])
def test_history_is_read_up_to_the_first_line_that_is_no_epoch(tmp_path: Path, line: str) -> None:
    cell = Store(tmp_path).cell("abc")
    cell.write_history([{"epoch": 0}])
    with (cell.path / "history.jsonl").open("ab") as file:
        file.write(line.encode("latin-1") + b'\n{"epoch": 2}\n')
    assert [record["epoch"] for record in cell.history()] == [0]


def test_cell_whose_description_was_damaged_is_planned_anew_and_keeps_its_attempts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    cell = store.plan("abc", IDENTITY, CONFIG)
    cell.update_state(state="failed", attempt=2)
    (cell.path / "cell.json").write_text("[")
    assert store.plan("abc", IDENTITY, CONFIG).config() == CONFIG
    assert cell.state() == {"state": "failed", "attempt": 2}


def test_planning_again_takes_new_paths_but_leaves_a_finished_cell_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.plan("abc", IDENTITY, CONFIG)
    store.cell("abc").update_state(attempt=3)
    moved = {"data": {"root": "elsewhere"}}
    assert store.plan("abc", IDENTITY, moved).config() == moved
    assert store.cell("abc").state()["attempt"] == 3
    store.cell("abc").write("metrics", SCORED)
    assert store.plan("abc", IDENTITY, CONFIG).config() == moved


def test_unknown_study_names_the_nearest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_study({"name": "fiam", "rows": []})
    with pytest.raises(UserError, match="did you mean fiam"):
        store.study("fian")


def plan(
    store: Store, seeds: tuple[int, ...], *, lr: float = 1.0, done: bool = True, rows: str = "ab"
) -> None:
    """Plans rows with these seeds; a cell's id tells its row, seed and settings."""
    cells = {
        row: [{"dataset": "d", "seed": seed, "id": f"{row}{seed}-{lr}"} for seed in seeds] for row in rows
    }
    for row, planned in cells.items():
        for each in planned:
            cell = store.plan(each["id"], {"seed": each["seed"], "row": row, "lr": lr}, CONFIG)
            if done:
                cell.write("metrics", SCORED)
    rows_ = [{"key": row, "label": row, "cells": planned} for row, planned in cells.items()]
    store.write_study({"name": "fiam", "rows": rows_, "seeds": list(seeds)})


def ids(study: dict) -> list[str]:
    return [cell["id"] for row in study["rows"] for cell in row["cells"]]


def test_seeds_of_one_study_add_up(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plan(store, (1,))
    plan(store, (0,), done=False)
    assert ids(store.study("fiam")) == ["a0-1.0", "a1-1.0", "b0-1.0", "b1-1.0"]
    assert store.study("fiam")["seeds"] == [0, 1]
    plan(store, (2,))
    assert ids(store.study("fiam")) == ["a1-1.0", "a2-1.0", "b1-1.0", "b2-1.0"], (
        "what never began is not asked for"
    )
    with store.cell("a0-1.0").lock():
        assert "a0-1.0" not in ids(store.study("fiam"))
        assert "a0-1.0" in ids(store.study("fiam", begun=True)), "what another run trains is there to be seen"
    store.cell("b0-1.0").write("metrics", SCORED)
    assert "b0-1.0" in ids(store.study("fiam")), "what another run finished"
    plan(store, (2, 1))
    assert store.study("fiam")["rows"][1]["cells"][0]["seed"] == 0


def test_status_shows_what_another_run_of_the_study_trains_but_not_what_it_lost(tmp_path: Path) -> None:
    from bench.launch.cell_status import study_status

    store = Store(tmp_path)
    plan(store, (0,), done=False, rows="a")
    plan(store, (1,), rows="a")
    cell = store.cell("a0-1.0")
    cell.update_state(state="running")
    with cell.lock():
        shown = study_status(store, store.study("fiam", begun=True))
        assert [(each.id, each.state) for each in shown] == [("a0-1.0", "running"), ("a1-1.0", "done")]
    assert [each.id for each in study_status(store, store.study("fiam", begun=True))] == ["a1-1.0"]


def test_a_cells_state_has_one_word_in_table_counts_and_heading(tmp_path: Path) -> None:
    from bench.launch.cell_status import counts, failures, study_status

    store = Store(tmp_path)
    plan(store, (0,), done=False)
    store.cell("a0-1.0").update_state(state="lost", cause="cancelled (by 0)")
    store.cell("b0-1.0").update_state(state="failed", cause="cancelled (by 0)")
    statuses = study_status(store, store.study("fiam"))
    assert [status.state for status in statuses] == ["lost", "failed"]
    assert counts(statuses) == "1 lost, 1 failed"
    said = failures(store, statuses, "again").splitlines()
    assert [line for line in said if not line.startswith(" ")] == [
        "1 lost: cancelled (by 0)",
        "1 failed: cancelled (by 0)",
    ]


def test_other_settings_replace_the_plan_and_leave_its_cells_known(tmp_path: Path) -> None:
    store = Store(tmp_path)
    plan(store, (0,), lr=1.0)
    plan(store, (0,), lr=2.0, rows="a")
    assert ids(store.study("fiam")) == ["a0-2.0"]
    assert store.planned() == {"a0-1.0", "b0-1.0", "a0-2.0"}
    assert ids(store.everything("fiam")) == ["a0-2.0", "a0-1.0", "b0-1.0"]
    plan(store, (0,), lr=1.0)
    plan(store, (0,), lr=2.0, rows="a")
    assert len(list(tmp_path.glob("plans/fiam/*.json"))) == 2, "each of two plans is kept once"


def test_plan_that_only_grew_is_not_kept_twice(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seeds in ((0,), (0, 1), (0, 1, 2)):
        plan(store, seeds)
    assert not list(tmp_path.glob("plans/fiam/*.json"))
    assert "earlier" not in (tmp_path / "studies/fiam.json").read_text()


@pytest.mark.parametrize("content", ["", '{"name": "fiam", "ro', "[]", '"x"', "{}", '{"rows": [1]}', "\xff"])
def test_damaged_study_says_so_and_how_to_mend_it(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path)
    store.write_study({"name": "fiam", "rows": []})
    (tmp_path / "studies/fiam.json").write_bytes(content.encode("latin-1"))
    assert store.studies() == ["fiam"]
    with pytest.raises(UserError, match=r"studies/fiam\.json: the file is damaged") as said:
        store.study("fiam")
    assert "Run the study again" in said.value.remedy
    store.write_study({"name": "fiam", "rows": []})
    assert store.study("fiam")["rows"] == []


def test_atomic_write_leaves_no_rubbish_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    files.write_json(path, {"a": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_many_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    code = """
    import sys
    from pathlib import Path
    from bench.storage import files
    print("ready", flush=True)
    for i in range(30):
        files.write_json(Path(sys.argv[1]), {"who": sys.argv[2], "fill": "x" * 20000})
    """
    writers = [process(code, str(path), str(who)) for who in range(3)]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            assert len(json.loads(path.read_text())["fill"]) == 20000
        time.sleep(0.01)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == [path]


def test_cell_that_another_process_trains_starts_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.config.schema import LauncherConfig
    from bench.launch import local

    held, done = Store(tmp_path).plan("abc", IDENTITY, CONFIG), Store(tmp_path).plan("def", IDENTITY, CONFIG)
    started: list[str] = []

    def start(cell: Cell, *given: object) -> list[subprocess.Popen[bytes]]:
        started.append(cell.id)
        cell.write("metrics", SCORED)
        return [subprocess.Popen(["true"])]

    monkeypatch.setattr(local, "_start", start)
    monkeypatch.setattr(local, "BUSY_SECONDS", 0.05)
    looks = iter([True, True, False])
    monkeypatch.setattr(Cell, "locked", lambda self: self.id == "abc" and next(looks))
    local.launch([held, done], LauncherConfig(), planned=2)
    assert sorted(started) == ["abc", "def"]
    assert started[-1] == "abc", "only when it was free"
    held.write("metrics", SCORED)
    monkeypatch.setattr(Cell, "locked", lambda self: False)
    local.launch([held], LauncherConfig(), planned=1)
    assert len(started) == 2, "what the other process finished is not started"


def test_sample_columns_are_those_of_the_samples(tmp_path: Path) -> None:
    cell = Store(tmp_path).plan("abc", IDENTITY, CONFIG)
    assert cell.sample_columns(["split"]) is None
    cell.write_samples(pd.DataFrame({"split": ["val", "test"], "ref_id": [3, 1], "iou": [0.5, 1.0]}))
    found = cell.sample_columns(["ref_id", "split"])
    assert found is not None
    assert {name: column.tolist() for name, column in found.items()} == {
        "ref_id": [3, 1],
        "split": ["val", "test"],
    }


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}", bytes(range(256))])
def test_damaged_samples_are_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    cell = Store(tmp_path).cell("0123456789ab")
    files.write_bytes(cell.path / "samples.parquet", content)
    with pytest.raises(UserError, match=r"0123456789ab/samples.parquet: the file is damaged"):
        cell.samples()


def test_samples_without_a_column_are_damaged(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell("0123456789ab")
    cell.write_samples(pd.DataFrame({"split": ["test"]}))
    with pytest.raises(UserError, match=r"samples.parquet: the file is damaged"):
        cell.samples(["split", "intersection"])
    with pytest.raises(UserError, match=r"samples.parquet: the file is damaged"):
        cell.sample_columns(["split", "intersection"])


def test_a_study_is_a_search_where_one_of_its_name_was_begun(tmp_path: Path) -> None:
    store = Store(tmp_path)
    files.write_json(tmp_path / "tune" / "lr" / "tune.json", {})
    assert store.search("tune-lr") == tmp_path / "tune" / "lr"
    assert store.search("lr") is None
    assert store.search("tune-neck") is None
