"""What `dry_run=true` says: each cell, how long the missing ones will take, and how that is known."""

import heapq
from collections.abc import Iterable

from bench.config.choices import LauncherKind
from bench.launch.cell_status import duration
from bench.launch.devices import cells_at_once
from bench.storage.speeds import INFERENCE, Speeds
from bench.study.plan import Plan


def dry_run(plan: Plan) -> str:
    """The plan in words: each cell, done or to run, and the time the missing ones would take."""
    speeds = Speeds(plan.store)
    missing = {cell.id for cell in plan.missing()}
    lines, need = [], dict[str, float]()
    sources: dict[str, set[str]] = {}
    seen = set[str]()
    for cell in plan.cells:
        said = "done"
        if cell.id in seen:
            said = "shared with a row above"
        elif cell.id in missing:
            need[cell.id] = speeds.seconds(cell.config, plan.samples[cell.id])
            said = f"to run, about {duration(need[cell.id])}"
            sources.setdefault(speeds.of(cell.config).source, set()).add(cell.id)
        seen.add(cell.id)
        label = next(row.label for row in plan.study.rows if row.key == cell.row)
        lines.append(f"{cell.id}  {label} · {cell.dataset} · seed {cell.seed}  {said}")
    if not need:
        return "\n".join([*lines, f"{len(seen)} done, 0 to run."])
    workers = min(cells_at_once(plan.config.launcher, len(seen)), len(need))
    waves = -(-len(need) // workers)
    lines.append(
        f"{len(seen) - len(need)} done, {len(need)} to run: about {duration(makespan(need.values(), workers))} with "
        f"{workers} at once" + (f", in {waves} waves." if waves > 1 else ".")
    )
    for source, cells in sources.items():
        of = f" for {len(cells)} of them" if len(sources) > 1 else ""
        lines.append(
            f"speed{of}: {source}; evaluation counts as {INFERENCE:g} times as fast as training (assumed)."
        )
    if plan.config.launcher.name == LauncherKind.slurm:
        from bench.launch import slurm_plan

        lines.append(slurm_plan.describe(plan, need))
    return "\n".join(lines)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """When the last of these cells ends, where each worker takes the next one that waits: 3 on 2 are two waves."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)
