"""Whether a report is still what its inputs would give, so that it is not made again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bench.storage import files
from bench.storage.attention_maps import FILE
from bench.storage.mlflow_links import read_links
from bench.storage.store import Store
from reports.statistics.frame import StudyFrame

INPUTS = ("cell.json", "metrics.json", "samples.parquet", "history.jsonl", "env.json", FILE)
RECORD = "build.json"


def digest(store: Store, frame: StudyFrame, settings: Any) -> str:
    """Names everything a report is made from: the study, its cells' files, this code, the data set's presence."""
    found: list[Any] = [frame.study, settings, _code(), read_links(store, frame.study["name"])]
    found += [(str(path), _stamp(path)) for path in sorted((store.root / "profiles").glob("*/*.json"))]
    for line in frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records"):
        cell = store.cell(line["cell"])
        found.append(
            [line["cell"], line["state"], line["error"], [_stamp(cell.path / name) for name in INPUTS]]
        )
        root = cell.config().get("data", {}).get("root", "")
        found.append(Path(root).expanduser().is_dir())  # cells of earlier versions keep a `~`
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _code() -> str:
    folder = Path(__file__).parents[1]
    sources = sorted(
        path for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".css", ".js", ".csv")
    )
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def recall(folder: Path, named: str) -> dict[str, Any] | None:
    """What was remembered of the last build, if it was made from the same and all its files are there."""
    record = files.read_json(folder / RECORD)
    if not isinstance(record, dict) or record.get("digest") != named:
        return None
    return record if all((folder / name).exists() for name in record["files"]) else None


def entry_of(folder: Path) -> dict[str, Any] | None:
    """What the list of studies says of a report, as the last finished build left it; None where there is none."""
    record = files.read_json(folder / RECORD)
    found = record.get("entry") if isinstance(record, dict) else None
    return found if isinstance(found, dict) else None


def remember(folder: Path, named: str, written: list[Path], **record: Any) -> None:
    """Remembers a build; last, so that one cut short is made again."""
    names = [str(path.relative_to(folder)) for path in written]
    files.write_json(folder / RECORD, {"digest": named, "files": names, **record})


def is_report(folder: Path) -> bool:
    """Whether a folder bears the mark of a report, finished or not."""
    record = files.read_json(folder / RECORD)
    return isinstance(record, dict) and "digest" in record


def mark(folder: Path) -> None:
    """Says that a folder is a report's before anything is written to it."""
    if not is_report(folder):
        files.write_json(folder / RECORD, {"digest": "", "files": []})
