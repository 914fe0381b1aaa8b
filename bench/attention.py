"""`python -m bench.attention`: what FIAM's phrases do at every stage of a finished cell, kept for figures.

The numbers come from `bench.inference.alignment`; reports read them through `bench.storage.attention_maps`.
"""

import sys
from dataclasses import dataclass

from bench.storage.attention_maps import EXAMPLES, FILE, write_maps
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

USAGE = """
Runs a finished cell's best model on a few test sentences and keeps, for every stage, what the context words, the object
words and the position words do (FIAM). Cells keep this for three sentences when they finish.

  python -m bench.attention cell=0123456789ab
  python -m bench.attention cell=0123456789ab examples=5

keys: cell=ID  store=runs
      examples=3   sentences, among those with position words and an object of several word pieces (to one of a single
                   piece FIAM has no response): the middle ones of so many equal parts by IoU
exit codes: 0 done, 2 the request is wrong
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.attention`."""

    cell: str = ""
    store: str = path("runs")
    examples: int = EXAMPLES


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    status = command_line("bench.status", *Store(arguments.store).words)
    if not arguments.cell:
        raise UserError("cell= is missing.", f"`{status}` lists the cells.")
    if arguments.examples < 1:
        raise UserError(f"examples={arguments.examples}: at least one is needed.", "Pass examples=3.")
    from bench.inference.alignment import align_cell

    store = Store(arguments.store)
    maps = align_cell(store, arguments.cell, arguments.examples)
    write_maps(store.cell(arguments.cell), maps)
    print(f"{store.cell(arguments.cell).path / FILE}: {len(maps.ref_ids)} sentences")
    for name in store.studies():
        if any(cell["id"] == arguments.cell for row in store.study(name)["rows"] for cell in row["cells"]):
            print(f"figure: {command_line('reports.build', f'ablation={name}', *store.words)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
