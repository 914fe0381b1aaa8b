"""Locks for disks without flock: numbered files beside the lock, of which the last one says who holds it.

Only one process can make number N+1 (O_EXCL), and it holds the lock unless a higher number is there. It may be made
once N is released, or its owner is dead: on this machine as the kernel knows, elsewhere when its heartbeat (the
file's time, by the disk's own clock) stopped two minutes ago. The highest number is never deleted, so none is given
twice.
"""

import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HEARTBEAT_SECONDS = 15.0
DEAD_SECONDS = 120.0  # without a heartbeat, for an owner that only its own machine could ask the kernel about
POLL_SECONDS = 0.05
_NUMBER = re.compile(r"\.owner-(\d{9})")


@contextmanager
def held_by_file(path: Path, *, wait: bool) -> Iterator[bool]:
    """As `files.locked`, with files alone.

    Args:
        path: The lock, whose name the numbered files carry.
        wait: Whether to wait for another owner.

    Yields:
        Whether the lock is held.
    """
    while (mine := _take(path)) is None:
        if not wait:
            yield False
            return
        time.sleep(POLL_SECONDS)
    ended = threading.Event()
    threading.Thread(target=_beat, args=(mine, ended), daemon=True).start()
    try:
        yield True
    finally:
        ended.set()
        with suppress(OSError):  # a full disk: what is cut short names no owner, and is old in two minutes
            mine.write_text("{}")


def _take(path: Path) -> Path | None:
    """The next number, made by this process and the highest; None while another owner lives."""
    numbers = _numbers(path)
    last = max(numbers, default=0)
    if last and _alive(numbers[last]):
        return None
    mine = path.with_name(f".{path.name}.owner-{last + 1:09d}")
    try:
        descriptor = os.open(mine, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return None
    with os.fdopen(descriptor, "w") as file:
        json.dump({"machine": _machine(), "pid": os.getpid(), "began": _began(os.getpid())}, file)
    now = _numbers(path)
    if max(now, default=0) > last + 1:  # what was looked at was out of date
        mine.unlink(missing_ok=True)
        return None
    for number, file_ in now.items():
        if number <= last:
            file_.unlink(missing_ok=True)
    return mine


def _numbers(path: Path) -> dict[int, Path]:
    start, found = f".{path.name}", {}
    for each in path.parent.iterdir():
        if each.name.startswith(start) and (match := _NUMBER.fullmatch(each.name[len(start) :])):
            found[int(match[1])] = each
    return found


def _alive(file: Path) -> bool:
    """Whether the owner that a numbered file names holds the lock."""
    try:
        text = file.read_text()
    except FileNotFoundError:  # a higher number is there by now
        return True
    try:
        owner: Any = json.loads(text)
    except ValueError:
        owner = None
    if owner == {}:
        return False
    if isinstance(owner, dict) and owner.get("machine") == _machine() and isinstance(owner.get("pid"), int):
        return _runs(owner["pid"], owner.get("began"))
    return _age(file) < DEAD_SECONDS  # also one that is just being written


def _age(file: Path) -> float:
    """Seconds since a file's last heartbeat, by the clock of the disk that both lie on."""
    clock = file.with_name(f".clock-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        clock.touch()
        return clock.stat().st_mtime - file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        clock.unlink(missing_ok=True)


def _beat(file: Path, ended: threading.Event) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(file)


def _machine() -> str:
    """Names the kernel that knows this process by its number: host, boot, and container."""
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()} {boot} {namespace}".strip()


def _began(pid: int) -> str | None:
    """When a process began, which tells it from a later one of its number; None where the kernel does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]  # a zombie holds nothing


def _runs(pid: int, began: Any) -> bool:
    """Whether the process of that number that began then still runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return _began(pid) in (began, None)
