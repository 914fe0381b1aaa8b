"""Locks on disks that keep none, and other errors of locks."""

import errno
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from bench.storage import files, lock_files
from tests.bench.storage.test_store import process

NO_LOCKS = """
    import errno, fcntl, sys, time
    from pathlib import Path
    from bench.storage import files
    def refuse(*given):
        raise OSError(int(sys.argv[2]), "no locks here")
    fcntl.flock = refuse
"""


@pytest.fixture(params=["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def no_flock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A disk that keeps no locks; the number it says so with."""
    number = getattr(errno, request.param)

    def refuse(*given: object) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    return str(number)


def test_disk_without_locks_keeps_one_owner_until_its_block_ends(tmp_path: Path, no_flock: str) -> None:
    path = tmp_path / "lock"
    for _ in range(3):
        with files.locked(path, wait=False) as held:
            assert held
            with files.locked(path, wait=False) as again:
                assert not again
    with pytest.raises(ValueError), files.locked(path):
        raise ValueError
    with files.locked(path, wait=False) as held:
        assert held
    assert len(list(tmp_path.iterdir())) == 2, "the lock and who held it last"


def test_disk_without_locks_frees_what_a_killed_process_held(tmp_path: Path, no_flock: str) -> None:
    path = tmp_path / "lock"
    hold = (
        NO_LOCKS
        + """
    with files.locked(Path(sys.argv[1])):
        print("ready", flush=True)
        time.sleep(60)
    """
    )
    owner = process(hold, str(path), no_flock)
    with files.locked(path, wait=False) as held:
        assert not held
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with files.locked(path) as held:
        assert held


def test_disk_without_locks_lets_one_process_in_at_a_time(tmp_path: Path, no_flock: str) -> None:
    path = tmp_path / "lock"
    count = (
        NO_LOCKS
        + """
    counter = Path(sys.argv[1]).with_name("counter")
    print("ready", flush=True)
    for _ in range(10):
        with files.locked(Path(sys.argv[1])):
            before = int(counter.read_text())
            time.sleep(0.002)
            counter.write_text(str(before + 1))
    """
    )
    (tmp_path / "counter").write_text("0")
    counting = [process(count, str(path), no_flock) for _ in range(3)]
    assert [each.wait(60) for each in counting] == [0, 0, 0]
    assert (tmp_path / "counter").read_text() == "30"


def test_owner_on_another_machine_counts_as_dead_when_its_heartbeat_stops(
    tmp_path: Path, no_flock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    with files.locked(path):
        monkeypatch.setattr(lock_files, "_machine", lambda: "another")
        with files.locked(path, wait=False) as held:
            assert not held
        (owner,) = tmp_path.glob(".lock.owner-*")
        old = time.time() - lock_files.DEAD_SECONDS - 1
        os.utime(owner, (old, old))
        with files.locked(path, wait=False) as held:
            assert held


def test_other_errors_of_a_lock_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OSError, match="Input/output"), files.locked(tmp_path / "lock"):
        pass
