"""Hidden folders for files in the making, beside the files that are made of them."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = ".in-the-making"


@contextmanager
def working_folder(stem: Path) -> Iterator[Path]:
    """An empty folder beside files whose names begin with `stem`, gone at the end, whatever happens.

    It is locked while it is used. The kernel lets go of a lock when its process dies, however it dies.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{stem.name}.", suffix=SUFFIX, dir=stem.parent) as folder,
        _locked(Path(folder)),
    ):
        yield Path(folder)


def remove_left_folders(out: Path) -> None:
    """Removes the working folders that killed processes left one level below `out`.

    One without a lock is left by the dead. An empty one stays: its owner may be about to lock it.
    Where a disk keeps no locks of folders nobody can tell, and all stay.
    """
    for folder in out.glob(f"*/.*{SUFFIX}"):
        with suppress(OSError), _locked(folder, wait=False):
            if any(folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds an exclusive lock on a folder where its disk keeps such locks.

    Args:
        folder: The folder.
        wait: False: raise `OSError` where it is locked, or cannot be.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            if not wait:
                raise
        yield
    finally:
        os.close(descriptor)
