"""Files that survive a crash: atomic writes and locks that die with their owner."""

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.storage.lock_files import held_by_file
from bench.terminal.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
NO_SPACE = (
    "no space left on device: free some with `python -m bench.gc`, then run again; what was saved is whole"
)
NO_FLOCK = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # said by disks that keep no locks


class NotWritten(UserError):
    """A file cannot be written: nothing is wrong with what it was to be made of."""


@contextmanager
def writing(file: Path, *kinds: type[Exception]) -> Iterator[None]:
    """Turns what a library raises when it cannot write a file into one line that names the file.

    Args:
        file: The file.
        kinds: What the library raises; `OSError` needs none of this, it names its file.

    Raises:
        NotWritten: In its place.
    """
    try:
        yield
    except kinds as error:
        raise NotWritten(
            f"{file}: cannot be written ({' '.join(str(error).split())}).",
            "Look at the path, its permissions and the space left on its disk.",
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """For files that are not made at once: a reader, also after a power cut, sees all of it or the old one.

    Yields:
        Another name in the same folder to write to. It takes the place of `path` at the end, and is gone on an error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        unnamed = (None, str(temporary))  # as writing raises it, as opening does
        if isinstance(error, OSError) and error.filename in unnamed:
            error.filename = str(path)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file so that a reader, also after a power cut, sees all of it or the old one.

    Temp file in the same folder, fsync, rename, fsync of the folder.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def no_space(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is a full disk or quota: libraries lose the number on its way."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if any(f"(os error {number})" in str(error) for number in FULL):  # as Rust says it
            return True
        error = error.__cause__ or error.__context__
    return False


def sync_folder(folder: Path) -> None:
    """Makes renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, content: str) -> None:
    """`write_bytes` for UTF-8 text; halves of signs, which UTF-8 lacks, are written escaped."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """`write_bytes` for JSON, keys in the order given, one final newline."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any | None:
    """The file's value; None where there is no file or it is not JSON (a file another program broke)."""
    try:
        # a table of a store reads fifty thousand: no layer too many
        with open(path, "rb", buffering=0) as file:
            return json.loads(file.read().decode())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Holds an exclusive lock on `path`; the kernel lets go when the process dies, however it dies.

    Where the disk keeps no such locks, a file says who holds it, and a dead owner's is taken over.

    Args:
        path: Lock file, created if missing and never deleted (deleting a lock file lets two owners in).
        wait: False: do not wait for another owner.

    Yields:
        Whether the lock is held (always true with `wait`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise
        else:
            yield True
            return
    with held_by_file(path, wait=wait) as held:
        yield held


def size(number: float) -> str:
    """Bytes as people say them: 512 MB, 3.2 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if number >= 10 or unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def folder_size(folder: Path) -> int:
    """Bytes under a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
