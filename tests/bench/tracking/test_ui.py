"""`bench.track ui`: refuses in a line what it cannot show, and shows the rest."""

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from bench import track
from bench.storage.mlflow_links import experiment_page, write_links
from bench.storage.store import Store
from bench.tracking.mirror import Mirror


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["bench.track", "ui", *words])
    assert track.main() == 2
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 2
    return said


def test_store_without_a_mirror_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    said = refused(monkeypatch, capsys, f"store={tmp_path}")
    assert "holds no MLflow file" in said
    assert f"python -m bench.track sync store={tmp_path}" in said


def test_port_in_use_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port={port}: another program" in refused(
            monkeypatch, capsys, f"store={tmp_path}", f"port={port}"
        )


def test_address_is_that_of_the_runs_laid_out_for_training(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert experiment_page(store, "http://x") == "http://x/?workflowType=machine_learning"
    write_links(store, "mini", "sqlite:///x", "7", {})
    assert experiment_page(store, "http://x") == "http://x/#/experiments/7/runs?workflowType=machine_learning"


@pytest.mark.slow
def test_pages_open_and_end_with_the_command(tmp_path: Path) -> None:
    store = Store(tmp_path)
    Mirror(store).client.search_experiments()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "bench.track", "ui", f"store={tmp_path}", f"port={port}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = next(line for line in server.stdout if line.startswith("MLflow after"))
        assert f"http://127.0.0.1:{port}/" in line
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"MLflow" in page.read()
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) != 0:
                break
        assert time.monotonic() < deadline, "the server stayed"
        time.sleep(0.2)
