"""How long jobs may run: what people write, and what the cluster's partitions allow."""

import os
from pathlib import Path

import pytest

from bench.config.request import Request
from bench.launch import resources, slurm, slurm_time
from bench.launch.slurm_time import Limits
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.terminal.errors import UserError

PARTITIONS = """\
PartitionName=main Default=YES DefaultTime=01:00:00 Hidden=NO MaxNodes=UNLIMITED MaxTime=1-00:00:00 State=UP
PartitionName=short Default=NO DefaultTime=NONE Hidden=NO MaxNodes=UNLIMITED MaxTime=00:10:00 State=UP
PartitionName=long Default=NO DefaultTime=NONE Hidden=NO MaxNodes=UNLIMITED MaxTime=UNLIMITED State=UP
"""


@pytest.mark.parametrize(
    ("written", "meant"), [("90", 90), ("4:00:00", 240), ("0:30:01", 31), ("2-12:00:00", 3600), ("10:30", 11)]
)
def test_time_limits_as_slurm_writes_them(written: str, meant: int) -> None:
    assert slurm_time.minutes(written) == meant


@pytest.fixture
def partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster whose default partition allows a day, `short` ten minutes, and `long` any time."""
    (tmp_path / "said").write_text(PARTITIONS)
    fake = tmp_path / "fake/scontrol"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\ncat {tmp_path}/said\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("partition", "seconds", "asked"),
    [
        (None, 3600, "150"),
        (None, 100 * 3600, "1440"),
        ("short", 3600, "10"),
        ("long", 100 * 3600, "12030"),
        ("long,short", 3600, "10"),
        ("unheard-of", 3600, "150"),
    ],
)
def test_no_job_asks_for_more_than_its_partition_allows(
    partitions: None, partition: str | None, seconds: float, asked: str
) -> None:
    assert Limits().request(seconds, partition) == asked


def test_limits_are_not_needed_where_slurm_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Limits().request(100 * 3600, None) == "12030"
    Limits().check("90-00:00:00", None)


def planned(drawn: list[str], tmp_path: Path, *words: str) -> Plan:
    return prepare(Request.parse([*drawn, "launcher=slurm", f"store={tmp_path / 'runs'}", *words]))


def test_time_beyond_the_partitions_limit_is_refused_and_the_limit_named(
    partitions: None, drawn: list[str], tmp_path: Path
) -> None:
    for words, said in (
        (["launcher.time=2-00:00:00"], "launcher.time=2-00:00:00: the default partition allows 24 h 00 min"),
        (["launcher.time=11", "launcher.partition=short"], "partition short allows 10 min at most"),
    ):
        with pytest.raises(UserError, match=said):
            resources.complete(planned(drawn, tmp_path, *words))
    for fine in (["launcher.time=24:00:00"], ["launcher.time=11", "launcher.partition=short,long"]):
        resources.complete(planned(drawn, tmp_path, *fine))


def test_cells_longer_than_the_limit_say_that_they_are_requeued(
    partitions: None, drawn: list[str], tmp_path: Path
) -> None:
    words = (
        "launcher.partition=short",
        "recipe.epochs=9000",
        "assumed.cpu=60",
        "recipe.size=96",
        "seeds=[0,1]",
    )
    completed = resources.complete(planned(drawn, tmp_path, *words))
    (note,) = completed.notes
    assert note.startswith("2 cells: they ask for 10 min, the limit of partition short, and need about ")
    assert note.endswith("each saves its state there and is requeued, about 6 times.")
    assert {slurm.request(cell.config.launcher)["time"] for cell in completed.plan.cells} == {10}


def test_what_one_cell_asks_for_does_not_leak_into_those_that_share_its_row(
    drawn: list[str], tmp_path: Path
) -> None:
    before = planned(drawn, tmp_path, "seeds=[0,1]")
    first, second = before.cells
    assert first.config is second.config
    asked = {"processes": 1, "gpus": 0, "cpus": 2, "memory": "6G", "time": 90}
    before.store.cell(first.id).write("job", {"id": "7", "ask": asked})
    after = resources.complete(before).plan.cells
    assert [(cell.config.launcher.memory, cell.config.launcher.time) for cell in after] == [
        ("6G", "90"),
        ("2G", "30"),
    ]
    assert before.cells[1].config.launcher.memory is None
