"""What `dry_run=true` says of a plan on a cluster: scripts, hours, memory and disk, without asking Slurm anything."""

from bench.launch import preflight, resources, slurm
from bench.storage.files import size
from bench.study.plan import Plan


def describe(plan: Plan, seconds_each: float) -> str:
    """The sbatch script of every array and what all of them need.

    Args:
        plan: The plan.
        seconds_each: Expected training time of one cell.

    Raises:
        UserError: A model that cannot be built, a disk that is too small, or a request that is none.
    """
    resources.complete(plan)
    missing = {cell.id: cell for cell in plan.missing()}
    need = preflight.check(plan, list(missing.values()))
    groups: dict[str, tuple[slurm.Request, list[str]]] = {}
    for planned in plan.cells:
        if planned.id in missing:
            ask = slurm.request(planned.config.launcher)
            members = groups.setdefault(repr(ask), (ask, []))[1]
            if planned.id not in members:
                members.append(planned.id)
    lines, gpu_hours, cpu_hours = [], 0.0, 0.0
    for ask, ids in groups.values():
        hours = len(ids) * seconds_each / 3600
        gpu_hours += hours * ask["processes"] * ask["gpus"]
        cpu_hours += hours * ask["processes"] * ask["cpus"]
        launcher = plan.config.launcher
        script = slurm.script(plan.store.root.resolve(), len(ids), ask, launcher)
        lines += [
            f"\n{len(ids)} cells with {ask['memory']} of memory and {ask['time']} min each:",
            "",
            script,
        ]
    lines.append(
        f"about {gpu_hours:.1f} GPU-hours and {cpu_hours:.1f} CPU-hours, {size(need.running)} on disk while all train "
        f"at once, {size(need.finished)} when done."
    )
    return "\n".join(lines)
