"""`python -m bench.gc`: frees what no command needs any more. Asks first. Imports no torch."""

import sys
from dataclasses import dataclass

from bench.launch.rubbish import RESULTS, Rubbish, remove, rubbish
from bench.storage.files import size
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

USAGE = """
Lists what can go, asks, and removes it:
  - resumable states of cells that are done (their best weights, numbers and samples stay)
  - orphaned cells: no plan of the store names them, or ever named them; those with results go only for the word
  - code snapshots and submission files that belong to no cell's last job

  python -m bench.gc
  python -m bench.gc yes=true            without asking; cells with results stay unless the word is typed
  python -m bench.gc orphans=false       keep the cells of studies whose plans are gone

keys: store=runs  yes=false  orphans=true
exit codes: 0 done, 2 the request is wrong
"""

WORD = "delete"


@dataclass
class Arguments:
    """Arguments of `python -m bench.gc`."""

    store: str = path("runs")
    yes: bool = False
    orphans: bool = True


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    if not store.root.is_dir():
        raise UserError(f"store={arguments.store}: there is no such folder.", "Pass store=DIR.")
    found = list(rubbish(store, orphans=arguments.orphans))
    if not found:
        print("Nothing can go.")
        return 0
    kinds: dict[str, list[Rubbish]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    for kind, members in kinds.items():
        print(f"{len(members)} {kind}: {size(sum(each.bytes for each in members))}")
        for each in members:
            print(f"  {each.path}  {size(each.bytes)}")
    found = _chosen(found, arguments.yes)
    if not found:
        print("Nothing was removed.")
        return 0
    removed = remove(store, found, orphans=arguments.orphans)
    print(f"Removed {size(sum(each.bytes for each in removed))}.")
    return 0


def _chosen(found: list[Rubbish], yes: bool) -> list[Rubbish]:
    """What may go: results only for the word, whatever `yes` says."""
    results = [each for each in found if each.kind == RESULTS]
    others = [each for each in found if each.kind != RESULTS]
    if others and not yes and _said("Remove all this? [y/N] ") not in ("y", "yes"):
        return []
    if results and _said(f"Type {WORD} to remove {len(results)} cells with results too: ") != WORD:
        results = []
        print("Cells with results stay.")
    return others + results


def _said(question: str) -> str:
    try:
        return input(question).strip().lower()
    except EOFError:
        print()
        return ""


if __name__ == "__main__":
    sys.exit(main())
