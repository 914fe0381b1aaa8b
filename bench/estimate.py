"""How long the missing cells will take: from cells done here, else from where the scale was measured."""

import statistics
from dataclasses import dataclass

from bench.config import LauncherKind
from bench.launch.slots import make_slots
from bench.prepare import Prepared
from bench.status import duration


@dataclass(frozen=True)
class Estimate:
    """Training speed of one cell, and where the number comes from."""

    images_per_second: float
    source: str


def speed(prepared: Prepared) -> Estimate:
    """Images a cell trains on per second: the median of cells of this scale done in this store."""
    config = prepared.config
    measured = []
    for cell in prepared.store.cells():
        metrics, known = cell.metrics(), cell.config()
        if not metrics or not metrics["epochs"] or known["recipe"]["size"] != config.recipe.size:
            continue
        seconds = cell.state().get("seconds")
        if seconds and known["model"]["encoder"]["embed_dim"] == config.model.encoder.embed_dim:
            measured.append(metrics["epochs"] * metrics["counts"]["train"] / seconds)
    if measured:
        return Estimate(statistics.median(measured), f"median of {len(measured)} cells done here")
    return Estimate(
        config.images_per_second, "none was done here yet: measured on one core (tiny) or one GPU elsewhere"
    )


def dry_run(prepared: Prepared) -> str:
    """The plan in words: each cell, done or to run, and the time the missing ones would take."""
    rate = speed(prepared)
    lines, seconds, seen = [], 0.0, set[str]()
    for cell in prepared.cells:
        state = prepared.store.cell(cell.id).state()["state"]
        epochs = 0 if cell.config.weights else cell.config.recipe.epochs
        need = epochs * prepared.training_samples[cell.id] / rate.images_per_second
        said = "done" if state == "done" else f"to run, about {duration(need)}"
        if cell.id in seen:
            said = "shared with a row above"
        elif state != "done":
            seconds += need
        seen.add(cell.id)
        label = next(row.label for row in prepared.study.rows if row.key == cell.row)
        lines.append(f"{cell.id}  {label} · {cell.dataset} · seed {cell.seed}  {said}")
    launcher = prepared.config.launcher
    missing = len(prepared.missing())
    match launcher.name:
        case LauncherKind.inline:
            workers = 1
        case LauncherKind.slurm:
            workers = launcher.max_parallel
        case LauncherKind.local:
            workers = len(make_slots(launcher, len(seen)))
    lines.append(
        f"{len(seen) - missing} done, {missing} to run"
        + (
            f": about {duration(seconds / min(workers, missing))} with {min(workers, missing)} at once ({rate.source})."
            if missing
            else "."
        )
    )
    if missing and launcher.name == LauncherKind.slurm:
        from bench.launch import slurm_plan

        lines.append(slurm_plan.describe(prepared, seconds / missing))
    return "\n".join(lines)
