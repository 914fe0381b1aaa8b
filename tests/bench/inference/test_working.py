"""Working folders: gone at their end, and after a killed process with the next one."""

import os
import signal
from pathlib import Path

import pytest

from bench.inference.working import LOCK, remove_left_folders, working_folder


def test_folder_is_gone_at_the_end_whatever_happens(tmp_path: Path) -> None:
    def stopped() -> None:
        with working_folder(tmp_path / "scene/01-ship") as folder:
            (folder / "mask.tif").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [*tmp_path.rglob("*")] == [tmp_path / "scene"]


def test_folder_in_use_stays_and_that_of_a_killed_process_goes(tmp_path: Path) -> None:
    theirs = tmp_path / "scene/.another-programs"
    theirs.mkdir(parents=True)
    (theirs / "file").touch()
    reading, writing = os.pipe()
    if not (child := os.fork()):
        with working_folder(tmp_path / "scene/01-ship") as folder:
            (folder / "mask.tif").touch()
            os.write(writing, os.fsencode(folder))
            signal.pause()
    used = Path(os.fsdecode(os.read(reading, 4096)))
    remove_left_folders(tmp_path)
    assert (used / "mask.tif").exists()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    remove_left_folders(tmp_path)
    assert not used.exists()
    assert (theirs / "file").exists()


def test_folder_that_is_about_to_be_locked_stays(tmp_path: Path) -> None:
    with working_folder(tmp_path / "scene/01-ship") as folder:
        name = folder.name
    made = tmp_path / "scene" / name
    made.mkdir()
    remove_left_folders(tmp_path)
    assert made.exists()
    (made / LOCK).touch()
    remove_left_folders(tmp_path)
    assert made.exists()
