"""`python -m bench.run`: plan, train what is missing, mirror to MLflow, build the report."""

import sys

from bench.config.schema import TrackingConfig
from bench.launch.cell_status import counts, failures, study_status
from bench.storage.store import Store
from bench.terminal.arguments import refuse_repeats
from bench.terminal.command_line import command_line
from bench.terminal.errors import command
from bench.tracking.sync import Mirrored


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 a cell failed, 2 the request is wrong."""
    if {"-h", "--help"} & set(argv):
        from bench.config import help as help_page

        print(help_page.text())
        return 0
    if {"--keys", "--keys=markdown"} & set(argv):
        from bench.config import keys

        print(keys.printed(argv))
        return 0
    return run(argv)


def run(words: list[str]) -> int:
    """The command, as a function.

    Args:
        words: `key=value` arguments.

    Returns:
        Exit code: 0 done, 1 a cell failed.

    Raises:
        UserError: The request is wrong; nothing was started.
    """
    from bench.config.request import Request
    from bench.study.prepare import prepare

    refuse_repeats(words)
    plan = prepare(Request.parse(words))
    for precision, ids in plan.unlike().items():
        print(_unlike(plan.store, precision, ids), file=sys.stderr)
    if plan.config.dry_run:
        from bench.launch.estimate import dry_run

        print(dry_run(plan))
        return 0
    from bench.launch import rehearsal
    from bench.launch.start import start

    if (models := rehearsal.wanted(plan)) and not rehearsal.rehearse(plan, models):
        return 1
    if plan.config.rehearse:
        return 0
    again = command_line("bench.run", *words)
    if not start(plan, again):
        return 0
    return finish(plan.store, plan.study.name, again, plan.config.tracking)


def _unlike(store: Store, precision: str, ids: list[str]) -> str:
    """A precision was once the machine's choice and in no identity: such numbers must not pass for others."""
    return (
        f"warning: {len(ids)} done cell{'s' * (len(ids) > 1)} of this study computed in {precision}, which is not "
        f"what recipe.precision asks for now; tables say so: {', '.join(ids)}.\n"
        f"Delete their folders from {store.root}/cells to have them trained anew."
    )


def finish(store: Store, name: str, again: str, tracking: TrackingConfig) -> int:
    """Mirrors to MLflow, builds the report and says where everything lies.

    Returns:
        Exit code: 0 all cells done, 1 some failed.
    """
    from bench.data.scored_scenes import read_scenes
    from reports import write_report

    mirror = None
    if tracking.enabled:  # first, because the page links to its runs
        _tell("telling MLflow")
        mirror = Mirrored(store, name, tracking.uri)
    _tell("writing the report")
    report = write_report(store, name, read_scenes)
    if mirror is not None:
        mirror.add_report()
    report.show()
    if mirror is not None:
        print(mirror.said)
    statuses = study_status(store, store.study(name))
    print(f"cells: {store.root}/cells ({counts(statuses)})")
    said = failures(store, statuses, again)
    if said:
        print(said, file=sys.stderr)
    return 0 if all(status.state == "done" for status in statuses) else 1


def _tell(doing: str) -> None:
    """What a person waits for when the last cell has ended."""
    print(f"{doing} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
