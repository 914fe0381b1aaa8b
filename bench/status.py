"""`python -m bench.status`: every cell of a study, also those never started. Imports no torch."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.launch.cell_status import CellStatus, counts, failures, study_status
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

USAGE = """
Shows every cell of a study: missing (never started), queued (its job waits), running (epoch, speed, time left), done,
failed, lost (its process or job is gone; the same `run` goes on from its last state). `stale code` marks what was made,
or will be, by other training code than this checkout's.

  python -m bench.status                         all studies of the store
  python -m bench.status ablation=fiam           one study
  python -m bench.status ablation=fiam --watch   again and again, until nothing runs or waits
  python -m bench.status ablation=fiam --json    for scripts

keys: store=runs  ablation=NAME  watch=false  json=false
exit codes: 0 all done, 1 something is not, 2 the request is wrong
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.status`."""

    store: str = path("runs")
    ablation: str | None = None
    watch: bool = False
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 all done, 1 something is not, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    names = [arguments.ablation] if arguments.ablation else store.studies()
    if not names:
        raise UserError(
            f"store={arguments.store}: no study was ever planned here.",
            f"Run `{command_line('bench.run', 'ablation=fiam', *store.words)}`.",
        )
    if arguments.watch:
        _watch(store, names)
    studies = {name: study_status(store, store.study(name, begun=True)) for name in names}
    if arguments.json:
        print(
            json.dumps(
                {name: [asdict(status) for status in found] for name, found in studies.items()}, indent=1
            )
        )
    else:
        for name, found in studies.items():
            _print(store, store.study(name), name, found)
    return 0 if all(status.state == "done" for found in studies.values() for status in found) else 1


def _watch(store: Store, names: list[str]) -> None:
    """Shows one study until none of its cells runs or waits."""
    from bench.launch.watch import SECONDS, watch

    if len(names) > 1:
        raise UserError(
            f"watch=true: the store holds {', '.join(names)}.", "Name one of them: ablation=NAME."
        )
    with watch(store, names[0]):
        while any(
            status.state in ("running", "queued")
            for status in study_status(store, store.study(names[0], begun=True))
        ):
            time.sleep(SECONDS)


def _print(store: Store, study: dict[str, Any], name: str, statuses: list[CellStatus]) -> None:
    from rich.console import Console

    from bench.launch.watch import table

    Console(width=None if sys.stdout.isatty() else 140).print(table(f"{name}: {counts(statuses)}", statuses))
    said = failures(store, statuses, study["command"])
    if said:
        print(said)


if __name__ == "__main__":
    sys.exit(main())
