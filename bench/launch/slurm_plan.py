"""What `dry_run=true` says of a plan on a cluster: scripts, hours, memory and disk.

Of Slurm it asks only what partitions allow.
"""

from collections.abc import Mapping

from bench.launch import preflight, resources, slurm
from bench.storage.files import size
from bench.study.plan import Plan


def describe(plan: Plan, seconds: Mapping[str, float]) -> str:
    """The sbatch script of every array and what all of them need.

    Args:
        plan: The plan.
        seconds: How long each missing cell is expected to take, by its id.

    Raises:
        UserError: A model that cannot be built, a disk that is too small, or a request that is none.
    """
    completed = resources.complete(plan)
    plan = completed.plan
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
        hours = sum(seconds[id_] for id_ in ids) / 3600
        processes = ask["nodes"] * ask["processes"]
        gpu_hours += hours * processes * ask["gpus"]
        cpu_hours += hours * processes * ask["cpus"]
        launcher = plan.config.launcher
        script = slurm.script(plan.store.root.resolve(), len(ids), ask, launcher)
        memory = f"{ask['memory']} of memory" + (" a node" if ask["nodes"] > 1 else "")
        lines += [f"\n{len(ids)} cells with {memory} and {ask['time']} min each:", "", script]
    lines += completed.notes
    lines.append(
        f"about {gpu_hours:.1f} GPU-hours and {cpu_hours:.1f} CPU-hours, {size(need.total)} on disk while "
        f"they train, {size(need.finished)} when all are done."
    )
    return "\n".join(lines)
