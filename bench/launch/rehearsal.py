"""Rehearses every model of a plan on the machine that will train it, before hours are spent on it.

Each distinct model does in a scratch folder what its cells will do (`bench.training.rehearsal`), in its own
process.
What is measured is kept (`bench.storage.rehearsals`) and feeds what jobs ask for and what `dry_run` says.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.config.choices import LauncherKind
from bench.config.compose import plain
from bench.config.identity import canonical
from bench.config.schema import Config
from bench.launch.cell_status import duration
from bench.launch.devices import share_machine
from bench.launch.local import cause, ended, places, start_worker, stop_workers
from bench.storage.cell import Cell, Record
from bench.storage.files import size
from bench.storage.rehearsals import Rehearsal, Rehearsed, read_rehearsal, read_rehearsed, write_rehearsal
from bench.storage.snapshot import digest
from bench.storage.speeds import Speeds
from bench.storage.store import Store
from bench.study.plan import Plan, PlannedCell
from bench.terminal.bars import bar
from bench.terminal.command_line import word

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Act:
    """One model of the plan: what is rehearsed for all seeds of its rows, and in which scratch folder."""

    planned: PlannedCell
    label: str
    cell: Cell


def wanted(plan: Plan) -> list[PlannedCell]:
    """What is rehearsed before anything starts: all of it for `rehearse=true`, else what a cluster has not seen yet."""
    launcher = plan.config.launcher
    if plan.config.rehearse:
        return distinct(plan)
    return due(plan) if launcher.name == LauncherKind.slurm and launcher.rehearse else []


def due(plan: Plan) -> list[PlannedCell]:
    """The first missing cell of each distinct model that this code was not rehearsed or trained with yet."""
    missing = {cell.id for cell in plan.missing()}
    found: dict[str, PlannedCell] = {}
    proven = set()
    for planned in plan.cells:
        model = _model(planned)
        if planned.id not in missing or plan.store.cell(planned.id).history():
            proven.add(model)
        else:
            found.setdefault(model, planned)
    code = digest()
    return [
        planned
        for model, planned in found.items()
        if model not in proven
        and not ((known := read_rehearsal(plan.store, planned.config)) and known.code == code)
    ]


def distinct(plan: Plan) -> list[PlannedCell]:
    """One cell of each distinct model of the plan."""
    return list({_model(planned): planned for planned in reversed(plan.cells)}.values())[::-1]


def _model(planned: PlannedCell) -> str:
    return canonical({key: value for key, value in planned.identity.items() if key != "seed"})


def rehearse(plan: Plan, cells: list[PlannedCell]) -> bool:
    """Rehearses these cells where the plan's launcher would train them, and prints how it went.

    Returns:
        Whether every one passed.

    Raises:
        UserError: No Slurm here, or a request that it refuses.
    """
    with _scratch(plan, cells) as acts:
        if plan.config.launcher.name == LauncherKind.slurm:
            from bench.launch.slurm_rehearsal import run

            run(plan, [(act.planned, act.cell) for act in acts])
        else:
            _run_here(plan, acts)
        found = [(act, read_rehearsed(act.cell)) for act in acts]
        for act, rehearsed in found:
            if rehearsed and not rehearsed.problems and act.planned.config.weights is None:
                _keep(plan.store, act.planned.config, rehearsed)
        console = Console(width=None if sys.stdout.isatty() else 160)
        console.print(_table(plan, found))
        for act, rehearsed in found:
            for line in _why(act, rehearsed):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    return all(rehearsed and not rehearsed.problems for _, rehearsed in found)


@contextmanager
def _scratch(plan: Plan, cells: list[PlannedCell]) -> Iterator[list[Act]]:
    """Scratch cells in a folder of their own inside the store, where compute nodes see them; gone afterwards."""
    folder = plan.store.root / "rehearsals" / f"scratch-{int(time.time())}"
    store, labels = Store(folder), {row.key: row.label for row in plan.study.rows}
    acts = []
    for planned in cells:
        cell = store.plan(planned.id, planned.identity, _scratch_config(planned.config))
        acts.append(Act(planned, f"{labels[planned.row]} · {planned.dataset}", cell))
    try:
        yield acts
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scratch_config(config: Config) -> Record:
    """The configuration of a scratch cell: the planned one, but two steps long, without live news or kept images."""
    values = plain(config)
    values["recipe"]["epochs"] = (
        0 if config.weights else 2
    )  # of one step each: `stop` is asked between epochs
    values["data"]["cache_mb"] = 0
    values["tracking"]["live"] = False
    return values


def _run_here(plan: Plan, acts: list[Act]) -> None:
    """One process after the other, each with what a cell of the plan would have."""
    launcher = plan.config.launcher
    devices = share_machine(launcher, len(plan.stored()))[0]
    with bar("rehearsing") as progress:
        for number, act in enumerate(acts):
            progress(number, len(acts))
            store = act.cell.path.parents[1]
            words = [word("store", store), f"id={act.cell.id}", "rehearse=true"]
            words.append(f"checkpoint_seconds={launcher.checkpoint_seconds}")
            team = [
                start_worker("bench.cell", words, devices, act.cell.log, place)
                for place in places(launcher.processes)
            ]
            try:
                while (code := ended(team)) is None:
                    time.sleep(POLL_SECONDS)
            finally:
                stop_workers(team)
            if code not in (0, 1):
                act.cell.update_state(state="failed", cause=cause(code))
        progress(len(acts), len(acts))


def _keep(store: Store, config: Config, found: Rehearsed) -> None:
    measured = Rehearsal(found.seconds_a_step, found.images_a_step, found.peak_bytes, found.device, digest())
    write_rehearsal(store, config, measured)


def _table(plan: Plan, found: list[tuple[Act, Rehearsed | None]]) -> Table:
    drawn = Table(title=f"rehearsal of {plan.study.name}", title_justify="left")
    for column in ("model", "starts from", "precision", "device"):
        drawn.add_column(column)
    for column in ("peak memory", "s a step", "time a cell", "disk a cell"):
        drawn.add_column(column, justify="right")
    drawn.add_column("result")
    speeds = Speeds(plan.store)
    for act, rehearsed in found:
        config = act.planned.config
        if rehearsed is None or rehearsed.problems:
            drawn.add_row(act.label, _starts(config), "", "", "", "", "", "", "[red]failed[/]")
            continue
        seconds = speeds.seconds(config, plan.samples[act.planned.id])
        drawn.add_row(
            act.label,
            _starts(config),
            rehearsed.precision,
            rehearsed.device,
            size(rehearsed.peak_bytes),
            f"{rehearsed.seconds_a_step:.2f}" if rehearsed.seconds_a_step else "",
            duration(seconds),
            size(rehearsed.state_bytes) if rehearsed.state_bytes else "",
            "[green]passed[/]",
        )
    return drawn


def _starts(config: Config) -> str:
    """Which weights training starts from."""
    if config.weights:
        return Path(config.weights).name
    encoder, text = config.model.encoder.pretrained, config.model.text.pretrained
    return f"encoder {Path(encoder or 'random').name}, text {Path(text or 'random').name}"


def _why(act: Act, rehearsed: Rehearsed | None) -> list[str]:
    """Why a rehearsal failed, with the end of its log."""
    if rehearsed is not None and not rehearsed.problems:
        return []
    state = act.cell.state()
    problems = rehearsed.problems if rehearsed else [str(state.get("cause") or "its process left no record")]
    log = act.cell.log.read_text(errors="replace").splitlines() if act.cell.log.is_file() else []
    return [f"{act.label}: {problem}" for problem in problems] + [f"  | {line}" for line in log[-8:]]
