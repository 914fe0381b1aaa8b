"""MLflow's pages over the store's own file, for this machine alone, laid out for training."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from bench.storage.mlflow_links import experiment_page
from bench.storage.store import Store
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError
from bench.tracking.client import DEFAULTS, tracking_uri

HOST = "127.0.0.1"
POLL_SECONDS = 0.2
# its runners of background jobs, which nothing here uses, take longer to start than all else
ENVIRONMENT = DEFAULTS | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def serve(store: Store, port: int, ready: Callable[[str, float], None]) -> int:
    """Shows the store's runs until it is stopped.

    Args:
        store: Whose file to show.
        port: Of this machine.
        ready: Called with the address of the runs and the seconds it took, once they can be opened.

    Returns:
        The server's exit code; 0 where a person or a signal ended it.

    Raises:
        UserError: Nothing was mirrored into the file yet, or the port is in use.
    """
    if not (store.root / "mlflow.db").is_file():
        raise UserError(
            f"store={store.root}: it holds no MLflow file.",
            f"Run `{command_line('bench.track', 'sync', *store.words)}` first.",
        )
    with socket.socket() as free:
        if free.connect_ex((HOST, port)) == 0:
            raise UserError(f"port={port}: another program listens there.", "Stop it, or name another port=.")
    words = ["ui", "--backend-store-uri", tracking_uri(store, None), "--host", HOST, "--port", str(port)]
    words += ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would stay
    server = subprocess.Popen([sys.executable, "-m", "mlflow", *words], env=ENVIRONMENT | os.environ)
    try:
        while server.poll() is None and not answers(port):
            time.sleep(POLL_SECONDS)
        if server.poll() is None:
            ready(experiment_page(store, f"http://{HOST}:{port}"), time.monotonic() - began)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()


def answers(port: int) -> bool:
    """Whether a server on this machine answers."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
