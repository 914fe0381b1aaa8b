"""Where MLflow is, how long it is waited for, and what is said of it: one place for every use of it.

A server that is down, or accepts and never answers, fails the first call within `TIMEOUT` x 2 seconds; whoever calls
gives up then. MLflow's own limits are minutes a call.
"""

import logging
import os
import re
import shlex
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.storage.store import Store
from bench.terminal.command_line import command_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

Item = TypeVar("Item")
TIMEOUT = 10  # seconds for one answer; one more try follows
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(TIMEOUT),
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "PGCONNECT_TIMEOUT": str(TIMEOUT),
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines a run
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # a node without internet would wait for MLflow's makers
}


def tracking_uri(store: Store, uri: str | None) -> str:
    """The configured server, or an sqlite file inside the store."""
    if uri:
        return uri
    path = str((store.root / "mlflow.db").resolve())
    quoted = path.replace("%", "%25").replace("?", "%3F")
    # what a driver is named for MLflow reads as SQLAlchemy does; else it makes a folder of the quoted name as well
    return f"sqlite:///{path}" if quoted == path else f"sqlite+pysqlite:///{quoted}"


def is_own(store: Store, uri: str) -> bool:
    """Whether a URI is the sqlite file inside the store, which nobody else writes."""
    from sqlalchemy.engine import make_url

    if not uri.startswith("sqlite"):
        return False
    database = make_url(uri).database
    return bool(database) and Path(str(database)).resolve() == (store.root / "mlflow.db").resolve()


def connect(uri: str) -> "MlflowClient":
    """A client that gives up in seconds; environment variables that are set already win.

    Raises:
        Exception: A database that cannot be reached; servers are first asked by the client's first call.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow"):  # a page of migrations on first use
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    if not uri.startswith(("http", "sqlite")) and "://" in uri:
        _reach(uri)
    return MlflowClient(uri)


def _reach(uri: str) -> None:
    """Connects once: MLflow tries a database that is down ten times, for minutes."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = create_engine(make_url(uri))
    except (ArgumentError, NoSuchModuleError):
        return  # no database; MLflow knows more kinds of URI, or says what is wrong with it
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def side_by_side(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> None:
    """Does the work for all items; the first that fails stops the others, and is raised."""
    stopped = threading.Event()

    def one(item: Item) -> None:
        if stopped.is_set():
            return
        try:
            work(item)
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(threads) as pool:
        try:
            for _ in pool.map(one, items):
                pass
        finally:
            stopped.set()


def masked(text: str) -> str:
    """The text without the passwords of URIs in it."""
    text = re.sub(r"(://[^\s/:@\"']*):[^\s/\"']*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&](?:password|sslpassword)=)[^\s&\"']+", r"\1***", text)


def without_login(uri: str) -> str:
    """The URI without user and password, for links."""
    return re.sub(r"://[^\s/]*@", "://", uri)


def reason(error: Exception) -> str:
    """An error in one line that may be shown to anyone."""
    said = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {masked(said)[:300]}"


def how_to_open(store: Store, uri: str) -> str:
    """What shows the runs in a browser."""
    if uri.startswith("http"):
        return without_login(uri)
    if is_own(store, uri):
        usual = store.root.resolve() == Path("runs").resolve()
        return "`make ui`" if usual else f"`{command_line('bench.track', 'ui', *store.words)}`"
    return f"`mlflow ui --backend-store-uri {shlex.quote(masked(uri))}`"


def sync_again(store: Store, uri: str | None) -> str:
    """The command that tells MLflow later what it did not hear."""
    return command_line("bench.track", "sync", *store.words, *([f"uri={masked(uri)}"] if uri else []))
