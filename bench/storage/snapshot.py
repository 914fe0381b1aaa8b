"""The code a job runs: a copy of the packages as they were at submission, in a folder named by its content.

A queued job may start hours later; what was edited, checked out or deleted meanwhile changes nothing for it. Beside the
copy lie the commit it was made from and the difference to that commit.
"""

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.storage import files

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "fianet", "baselines", "reports", "experiments")
# rooms that can change a number: what is edited elsewhere makes no result stale
TRAINING = (
    *("fianet", "baselines"),
    *("bench/config", "bench/data", "bench/drawing", "bench/images", "bench/models", "bench/sentences"),
    *("bench/storage", "bench/training"),
)
# what lies in those rooms, or is imported by a process that trains, and yet changes no number
HARMLESS = (
    # asks for cells and names them; a cell that is planned keeps its configuration
    *(f"bench/config/{name}.py" for name in ("groups", "help", "identity", "machine", "request", "values")),
    *("bench/config/yaml_files.py", "experiments"),
    # tells people what data hold; makes data sets, whose content is part of a cell's id
    *(f"bench/data/{name}.py" for name in ("audit_report", "explained", "refer", "scored_scenes")),
    # takes models out of the store and into it; looks into them once they are scored
    *("bench/models/export.py", "bench/models/import_released.py", "bench/inference"),
    "bench/models/allocator.py",  # where tensors lie, not what they hold
    # what is kept beside numbers
    *(
        f"bench/storage/{name}.py"
        for name in ("attention_maps", "environment", "expectation", "history", "mlflow_links")
    ),
    *(f"bench/storage/{name}.py" for name in ("model_costs", "previews", "snapshot", "speeds")),
    "bench/training/previews.py",
    "bench/sentences/places.py",  # read by predictions in windows alone
    # starts, follows and stops
    *("bench/__init__.py", "bench/cell.py", "bench/launch", "bench/terminal", "bench/tracking"),
)
ABOUT = "snapshot.json"  # beside the packages; its presence tells that the running code is a snapshot


def take(store: Path, root: Path = ROOT) -> Path:
    """Copies the packages as they are now into `store/snapshots/`; the same content is kept once.

    Args:
        store: The store's folder.
        root: Folder of the packages.

    Returns:
        The snapshot's folder, to be put first on PYTHONPATH.
    """
    snapshots = store.resolve() / "snapshots"
    copy = snapshots / f".{os.getpid()}.tmp"
    shutil.rmtree(copy, ignore_errors=True)
    for path in _code(root):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, copy / path)
    name = digest(copy, PACKAGES, ())  # of the copy: the original may be edited at this moment
    final = snapshots / name
    if not final.exists():
        files.write_json(
            copy / ABOUT, {"digest": name, "commit": commit(root), "taken": time.time(), "from": str(root)}
        )
        files.write_text(copy / "diff.patch", _git(root, "diff", "HEAD", "--binary") or "")
        try:
            copy.rename(final)
        except OSError:  # another submission was faster
            if not final.exists():
                raise
    shutil.rmtree(copy, ignore_errors=True)
    return final


def digest(root: Path = ROOT, parts: tuple[str, ...] = TRAINING, without: tuple[str, ...] = HARMLESS) -> str:
    """What identifies the code under `root`: sha256 over names and content, first 12 hex digits.

    Args:
        root: Folder of the packages.
        parts: Folders and files that count; by default those that can change a cell's numbers.
        without: Of these, folders and files that do not.
    """
    total = hashlib.sha256()
    for path in _code(root):
        if lies_in(path, parts) and not lies_in(path, without):
            content = hashlib.sha256((root / path).read_bytes()).digest()
            total.update(path.as_posix().encode() + b"\0" + content)
    return total.hexdigest()[:12]


def lies_in(path: Path, parts: tuple[str, ...]) -> bool:
    """Whether a file is one of some folders and files, or lies in them; all relative to one root."""
    return any(within.as_posix() in parts for within in (path, *path.parents))


def commit(root: Path = ROOT) -> str | None:
    """The commit of the running code, with `+` when files differ from it; None outside a checkout."""
    about: dict[str, Any] | None = files.read_json(root / ABOUT)
    if about is not None:
        return about["commit"]
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None
    return head.strip() + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _code(root: Path) -> list[Path]:
    """Files of the packages, relative to `root`, sorted: what git tracks or would, else everything but caches."""
    listed = None
    if not (root / ABOUT).exists() and (root / ".git").exists():
        listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PACKAGES)
    if listed is not None:
        found = {Path(name) for name in listed.split("\0") if name}
    else:
        found = {
            path.relative_to(root)
            for package in PACKAGES
            for path in (root / package).rglob("*")
            if "__pycache__" not in path.parts
        }
    return sorted(path for path in found if (root / path).is_file())


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None
