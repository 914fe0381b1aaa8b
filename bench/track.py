"""`python -m bench.track sync|ui`: makes MLflow equal to the store; shows it in a browser."""

import sys
import time
from dataclasses import dataclass

from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from bench.tracking.client import masked, reason, tracking_uri
from bench.tracking.sync import sync, sync_all

USAGE = """
Makes MLflow equal to the store (running it again changes nothing), or shows the store's own MLflow file.

  python -m bench.track sync                            every study of the store
  python -m bench.track sync ablation=fiam              one study
  python -m bench.track sync uri=http://HOST:5000       a server instead of the file runs/mlflow.db
  python -m bench.track ui                              the file, in a browser on this machine (`make ui`)

keys of sync: store=runs  ablation=NAME  uri=URI
keys of ui: store=runs  port=5000
exit codes: 0 equal, 1 the server does not answer, 2 the request is wrong
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.track sync`."""

    store: str = path("runs")
    ablation: str | None = None
    uri: str | None = path(None)


@dataclass
class UiOptions:
    """Arguments of `python -m bench.track ui`."""

    store: str = path("runs")
    port: int = 5000


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 equal, 1 the server does not answer, 2 the request is wrong."""
    if argv[:1] == ["ui"]:
        return _ui(parse(argv[1:], UiOptions, USAGE))
    if argv[:1] != ["sync"] and not {"-h", "--help"} & set(argv):
        raise UserError(
            "bench.track: say what to do.",
            "The verbs are sync and ui: `python -m bench.track sync`, `python -m bench.track ui`.",
        )
    return _sync(parse([word for word in argv if word != "sync"], Arguments, USAGE))


def _ui(arguments: UiOptions) -> int:
    from bench.tracking.ui import serve

    def ready(address: str, seconds: float) -> None:
        print(f"MLflow after {seconds:.0f} s, Ctrl-C ends it: {address}", flush=True)

    return serve(Store(arguments.store), arguments.port, ready)


def _sync(arguments: Arguments) -> int:
    store, started = Store(arguments.store), time.monotonic()
    where = masked(tracking_uri(store, arguments.uri))
    if arguments.ablation:
        store.study(arguments.ablation)  # an unknown name is no fault of the server
    elif not store.studies():
        run = command_line("bench.run", *store.words)
        raise UserError(f"store={arguments.store}: it holds no study.", f"Run `{run}` first.")
    try:
        if arguments.ablation:
            sync(store, arguments.ablation, arguments.uri)
            names = [arguments.ablation]
        else:
            names = sync_all(store, arguments.uri)
    except Exception as error:
        print(f"mlflow: {where} cannot be written ({reason(error)})", file=sys.stderr)
        print("Start the server or mend uri=; nothing is lost, this can be run again.", file=sys.stderr)
        return 1
    print(f"MLflow at {where} equals {store.root}: {', '.join(names)} ({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
