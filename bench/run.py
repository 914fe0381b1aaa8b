"""`python -m bench.run`: plan, train what is missing, mirror to MLflow, build the report."""

import shlex
import sys
from typing import TYPE_CHECKING

from bench.config.schema import LauncherKind, TrackingConfig
from bench.launch.cell_status import counts, failures, study_status
from bench.storage.store import Cell, Store
from bench.terminal.errors import command

if TYPE_CHECKING:
    from bench.study.prepare import Prepared


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 a cell failed, 2 the request is wrong."""
    if {"-h", "--help"} & set(argv):
        from bench.config import help as help_page

        print(help_page.text())
        return 0
    return run(argv)


def run(overrides: list[str]) -> int:
    """The command, as a function.

    Args:
        overrides: `key=value` arguments.

    Returns:
        Exit code: 0 done, 1 a cell failed.

    Raises:
        UserError: The request is wrong; nothing was started.
    """
    from bench.study.prepare import prepare

    prepared = prepare(overrides)
    if prepared.config.dry_run:
        from bench.launch.estimate import dry_run

        print(dry_run(prepared))
        return 0
    again = shlex.join(["python", "-m", "bench.run", *overrides])
    if prepared.config.launcher.name == LauncherKind.slurm and prepared.missing():
        from bench.launch import resources

        resources.complete(prepared)
    prepared.write(again)
    missing, name = prepared.missing(), prepared.study.name
    launcher = prepared.config.launcher
    if missing and launcher.name == LauncherKind.slurm:
        if not _on_cluster(prepared, missing):
            return 0
    elif missing:
        from bench.launch import LAUNCHERS
        from bench.launch.watch import watch

        with watch(prepared.store, name):
            LAUNCHERS[launcher.name](missing, launcher, len(prepared.stored()))
    return finish(prepared.store, name, again, prepared.config.tracking)


def _on_cluster(prepared: "Prepared", missing: list[Cell]) -> bool:
    """Submits what is missing; returns whether to go on to the report: everything was waited for, or nothing runs."""
    from bench.launch import preflight, slurm
    from bench.launch.watch import watch

    config = prepared.config
    preflight.check(prepared, missing)
    sent = slurm.submit(missing, config.launcher)
    print(slurm.describe(sent), flush=True)
    if not (sent.jobs or sent.queued or sent.held):
        return True
    if not (config.wait or config.watch):
        name = prepared.study.name
        print(
            f"follow: python -m bench.status ablation={name}   stop: python -m bench.cancel ablation={name}"
        )
        return False
    with watch(prepared.store, prepared.study.name):
        slurm.follow(missing, config.launcher, resubmit=config.watch)
    return True


def finish(store: Store, name: str, again: str, tracking: TrackingConfig) -> int:
    """Mirrors to MLflow, builds the report and says where everything lies.

    Returns:
        Exit code: 0 all cells done, 1 some failed.
    """
    from bench.data.scored_scenes import read_scenes
    from reports import write_report

    # first, because the page links to its runs
    mirror = mirrored(store, name, tracking.uri) if tracking.enabled else ""
    write_report(store, name, read_scenes).show()
    if mirror:
        print(mirror)
    statuses = study_status(store, store.study(name))
    print(f"cells: {store.root}/cells ({counts(statuses)})")
    said = failures(store, statuses, again)
    if said:
        print(said, file=sys.stderr)
    return 0 if all(status.state == "done" for status in statuses) else 1


def mirrored(store: Store, name: str, uri: str | None) -> str:
    """Mirrors the study; a tracking server that is down costs a line, never a result."""
    from bench.track import sync, tracking_uri

    where = tracking_uri(store, uri)
    try:
        run = sync(store, name, uri)
    except Exception as error:
        return (
            f"mlflow: {where} cannot be written ({type(error).__name__}: {str(error).splitlines()[0]}); "
            "nothing is lost, later run `python -m bench.track sync`."
        )
    return f"mlflow: run {run} in {where} (open with `make ui`)"


if __name__ == "__main__":
    sys.exit(main())
