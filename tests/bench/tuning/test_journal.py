"""Journals of searches as disks and killed processes leave them."""

import os
from pathlib import Path

import optuna
import pytest

from bench.tuning.storage import open_storage


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Of three finished trials."""
    study = optuna.create_study(study_name="lr", storage=open_storage(None, tmp_path))
    for number in range(3):
        study.tell(study.ask(), float(number))
    return tmp_path / "journal.log"


def values(folder: Path) -> list[float | None]:
    study = optuna.load_study(study_name="lr", storage=open_storage(None, folder))
    return [trial.value for trial in study.trials]


def test_a_sound_journal_is_left_alone(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = journal.read_bytes()
    assert values(journal.parent) == [0, 1, 2]
    assert journal.read_bytes() == before
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "torn", [b"\n", b"   \n", b'{"op_code":6,"worker_id":"b7\n', b'{"op_code":6,"wor', b"\x00\x00\n"]
)
@pytest.mark.parametrize("place", [1, 4])
def test_blank_and_torn_lines_in_the_middle_are_dropped_and_told(
    torn: bytes, place: int, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = journal.read_bytes()
    lines = before.splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:place], torn, *lines[place:]]))
    assert values(journal.parent) == [0, 1, 2]
    assert journal.read_bytes() == before
    assert "1 damaged lines were dropped" in capsys.readouterr().err


def test_a_torn_end_is_cut_off(journal: Path) -> None:
    before = journal.read_bytes()
    journal.write_bytes(before + b'{"op_code":6,"wor')
    assert values(journal.parent) == [0, 1, 2]
    assert journal.read_bytes() == before


@pytest.mark.parametrize("there", [True, False])
def test_the_lock_of_a_killed_process_is_taken_over(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optuna.storages import journal as module

    waits = module.JournalFileSymlinkLock
    monkeypatch.setattr(module, "JournalFileSymlinkLock", lambda path: waits(path, grace_period=3))
    monkeypatch.chdir(tmp_path)
    folder = Path("tune")
    folder.mkdir()
    if there:
        open_storage(None, folder)
    os.symlink((folder / "journal.log").absolute(), folder / "journal.log.lock")
    assert open_storage(None, folder)
    assert not (folder / "journal.log.lock").is_symlink()
