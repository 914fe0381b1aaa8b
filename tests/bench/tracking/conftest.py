"""A store whose MLflow file is there already."""

from pathlib import Path

import pytest

from bench.storage.store import Store
from bench.tracking.mirror import Mirror


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An MLflow database as its first use leaves it: making one takes seconds."""
    store = Store(tmp_path_factory.mktemp("empty"))
    Mirror(store).client.search_experiments()
    return (store.root / "mlflow.db").read_bytes()


@pytest.fixture
def store(tmp_path: Path, empty: bytes) -> Store:
    (tmp_path / "mlflow.db").write_bytes(empty)
    return Store(tmp_path)
