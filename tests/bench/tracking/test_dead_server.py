"""A server that is down or never answers delays a sync and the end of a training by little."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import track
from bench.config.schema import TrackingConfig
from bench.storage.store import Store
from bench.tracking import live as live_module
from bench.tracking import sync as sync_module
from bench.tracking.client import connect, side_by_side
from bench.tracking.live import live
from tests.bench.tracking.test_track import planned, study, trained


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts and never answers."""
    held, listener = [], socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)
    for connection in held:
        connection.close()


def sync_by_command(store: Store, uri: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """Runs `bench.track sync`, which must fail; returns the seconds it took."""
    monkeypatch.setattr(sys, "argv", ["bench.track", "sync", f"store={store.root}", f"uri={uri}"])
    started = time.monotonic()
    assert track.main() == 1
    return time.monotonic() - started


def test_dead_server_costs_one_line_and_no_training(store: Store, monkeypatch, capfd) -> None:
    monkeypatch.setattr(live_module, "LAST_SECONDS", 20.0)
    monkeypatch.setattr(live_module, "PAUSE_SECONDS", 0.1)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    cell = planned(store, "a" * 12)
    study(store, "a" * 12)
    with live(cell, TrackingConfig(live=True, uri="http://127.0.0.1:9")):
        trained(store, "a" * 12)
    said = capfd.readouterr().err
    assert said.count("does not answer") == 1
    assert "bench.track sync" in said
    assert cell.done


def test_sync_to_a_dead_server_says_so(store: Store, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    study(store, "a" * 12)
    monkeypatch.setattr(sys, "argv", ["bench.track", "sync", f"store={store.root}", "uri=http://127.0.0.1:9"])
    assert track.main() == 1
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9 cannot be written" in said
    assert len(said.strip().splitlines()) == 2


def test_sync_gives_up_on_a_server_that_never_answers(store: Store, silent: int, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    trained(store, "a" * 12)
    study(store, "a" * 12)
    assert sync_by_command(store, f"http://127.0.0.1:{silent}", monkeypatch) < 15
    said = capsys.readouterr().err
    assert f"http://127.0.0.1:{silent} cannot be written" in said
    assert len(said.strip().splitlines()) == 2


@pytest.mark.slow
def test_sync_gives_up_within_half_a_minute(store: Store, silent: int, monkeypatch) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    study(store, "a" * 12)
    assert sync_by_command(store, f"http://127.0.0.1:{silent}", monkeypatch) < 30


def test_sync_gives_up_on_a_database_that_never_answers(
    store: Store, silent: int, monkeypatch, capsys
) -> None:
    pytest.importorskip("psycopg2")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    study(store, "a" * 12)
    uri = f"postgresql+psycopg2://me:secret@127.0.0.1:{silent}/mlflow"
    assert sync_by_command(store, uri, monkeypatch) < 15
    said = capsys.readouterr().err
    assert f"postgresql+psycopg2://me:***@127.0.0.1:{silent}/mlflow cannot be written" in said
    assert "secret" not in said


def test_silent_server_delays_the_end_of_training_by_the_last_words_at_most(
    store: Store, silent: int, monkeypatch
) -> None:
    monkeypatch.setattr(live_module, "LAST_SECONDS", 1.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    cell = planned(store, "a" * 12)
    study(store, "a" * 12)
    with live(cell, TrackingConfig(live=True, uri=f"http://127.0.0.1:{silent}")):
        trained(store, "a" * 12)
        ended = time.monotonic()
    assert time.monotonic() - ended < 3


def test_silent_server_costs_the_end_of_a_run_one_line(store: Store, silent: int, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    trained(store, "a" * 12)
    study(store, "a" * 12)
    uri = f"http://me:secret@127.0.0.1:{silent}"
    started = time.monotonic()
    said = sync_module.Mirrored(store, "mini", uri).said
    assert time.monotonic() - started < 15
    assert f"http://me:***@127.0.0.1:{silent} cannot be written" in said
    assert f"`python -m bench.track sync store={store.root} 'uri=http://me:***@" in said
    assert "secret" not in said
    assert len(said.splitlines()) == 1


def test_limits_that_a_user_set_win(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    connect("http://127.0.0.1:9")
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"


def test_first_failure_stops_what_was_not_begun() -> None:
    begun = []

    def fail(item: int) -> None:
        begun.append(item)
        time.sleep(0.05)
        raise RuntimeError(str(item))

    with pytest.raises(RuntimeError):
        side_by_side(fail, range(1000), threads=4)
    assert len(begun) <= 4
