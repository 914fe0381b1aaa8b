"""A PostgreSQL of our own: a cluster in a temporary folder, on a free port of this machine, gone after the tests."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench.conftest import Run, drawn, environment

__all__ = ["drawn", "environment"]
Database = Callable[[str], str]


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs `python -m MODULE ARGUMENTS` in an empty folder, with the patience that two more servers need."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "120"},  # slow is not dead
            capture_output=True,
            text=True,
            timeout=500,
        )

    return run


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def binaries() -> Path:
    """The folder of initdb and pg_ctl."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("no initdb: PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


@pytest.fixture(scope="session")
def cluster() -> Iterator[Database]:
    """Starts a cluster; gives a function from a name to the URL of a fresh database."""
    pytest.importorskip("psycopg2", reason="no psycopg2: pip install 'fianet-bench[postgres]'")
    programs = binaries()
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_postgres and subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("root may not run PostgreSQL, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="fianet-pg-"))
    if as_postgres:
        shutil.chown(folder, "postgres")
    port = free_port()

    def call(program: str, *words: str) -> None:
        asked = [*as_postgres, str(programs / program), *words]
        done = subprocess.run(
            asked, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=120
        )
        assert done.returncode == 0, f"{program} failed"

    def database(name: str) -> str:
        call("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", name)
        return f"postgresql+psycopg2://postgres@127.0.0.1:{port}/{name}"

    data = str(folder / "data")
    call("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
    settings = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    try:
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", settings, "start")
        yield database
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mlflow_server(cluster: Database, tmp_path: Path, environment: dict[str, str]) -> Iterator["Server"]:
    """MLflow's server over a fresh database, with its artifacts in a folder."""
    server = Server(cluster(f"mlflow_{os.getpid()}"), tmp_path / "artifacts", environment)
    server.start()
    yield server
    server.stop()


class Server:
    """A process that can be stopped and started at the same address."""

    def __init__(self, database: str, artifacts: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        words = ["server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        words += ["--backend-store-uri", database, "--artifacts-destination", artifacts.as_uri()]
        self.words = [sys.executable, "-m", "mlflow", *words]
        self.environment = environment
        self.log = artifacts.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        import time
        import urllib.error
        import urllib.request

        self.process = subprocess.Popen(
            self.words,
            env=self.environment,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 600
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.5)

    def stop(self) -> None:
        import signal

        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
