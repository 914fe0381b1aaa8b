"""Hidden folders for files in the making, beside the files that are made of them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.storage.files import locked

SUFFIX = ".in-the-making"
LOCK = "lock"


@contextmanager
def working_folder(stem: Path) -> Iterator[Path]:
    """A folder beside files whose names begin with `stem`, gone at the end, whatever happens.

    It is locked while it is used (`files.locked`): nothing but the lock is in it.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{stem.name}.", suffix=SUFFIX, dir=stem.parent) as folder,
        locked(Path(folder) / LOCK),
    ):
        yield Path(folder)


def remove_left_folders(out: Path) -> None:
    """Removes the working folders that killed processes left one level below `out`.

    One that nobody holds is left by the dead. One with no file in it stays: its owner may be about to lock it.
    """
    for folder in out.glob(f"*/.*{SUFFIX}"):
        with (
            suppress(OSError),
            locked(folder / LOCK, wait=False) as free,
        ):  # its owner may remove it meanwhile
            if free and _used(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> bool:
    """Whether more than its lock was ever in it."""
    return any(not path.name.startswith(LOCK) for path in folder.iterdir())
