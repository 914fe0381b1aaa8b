from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.launch.cell_status import study_status
from bench.storage import files
from bench.storage.store import Store


def finished(store: Store) -> dict[str, Any]:
    """A study of one finished cell."""
    cell = store.plan("abc", {"seed": 0}, {"recipe": {"epochs": 1}})
    cell.write_history([{"epoch": 0, "val": {"mIoU": 40.0}}])
    cell.write("metrics", {"scores": {"val": {"mIoU": 40.0}}})
    cell.update_state(state="done")
    return {"rows": [{"key": "a", "label": "A", "cells": [{"dataset": "d", "seed": 0, "id": "abc"}]}]}


def test_no_file_of_a_finished_cell_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()

    def counted(path: Path) -> Any:
        read[path.name] += 1
        return original(path)

    store = Store(tmp_path)
    study = finished(store)
    original = files.read_json
    monkeypatch.setattr(files, "read_json", counted)
    (status,) = study_status(store, study)
    assert (status.state, status.epoch, status.epochs, status.mIoU) == ("done", 1.0, 1, 40.0)
    assert dict(read) == {f"{name}.json": 1 for name in ("state", "metrics", "cell", "job", "env")}
