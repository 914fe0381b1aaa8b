"""What `dry_run=true` says: each cell, and how long the missing ones will take."""

from bench.config.schema import LauncherKind
from bench.launch.cell_status import duration
from bench.launch.devices import share_machine
from bench.storage.speeds import Speeds
from bench.study.plan import Plan


def dry_run(plan: Plan) -> str:
    """The plan in words: each cell, done or to run, and the time the missing ones would take."""
    speeds = Speeds(plan.store)
    rate = speeds.of(plan.config)
    lines, seconds, seen = [], 0.0, set[str]()
    for cell in plan.cells:
        state = plan.store.cell(cell.id).state()["state"]
        epochs = 0 if cell.config.weights else cell.config.recipe.epochs
        need = epochs * plan.training_samples[cell.id] / speeds.of(cell.config).images_per_second
        said = "done" if state == "done" else f"to run, about {duration(need)}"
        if cell.id in seen:
            said = "shared with a row above"
        elif state != "done":
            seconds += need
        seen.add(cell.id)
        label = next(row.label for row in plan.study.rows if row.key == cell.row)
        lines.append(f"{cell.id}  {label} · {cell.dataset} · seed {cell.seed}  {said}")
    launcher = plan.config.launcher
    missing = len(plan.missing())
    match launcher.name:
        case LauncherKind.inline:
            workers = 1
        case LauncherKind.slurm:
            workers = launcher.max_parallel
        case LauncherKind.local:
            workers = len(share_machine(launcher, len(seen)))
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

        lines.append(slurm_plan.describe(plan, seconds / missing))
    return "\n".join(lines)
