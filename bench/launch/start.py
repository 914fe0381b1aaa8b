"""Runs what a plan misses, wherever its launcher says."""

from bench.config.choices import LauncherKind
from bench.launch import LAUNCHERS, preflight
from bench.launch.watch import watch
from bench.storage.cell import Cell
from bench.study.plan import Plan
from bench.terminal.command_line import command_line


def start(plan: Plan, command: str) -> bool:
    """Makes the plan known to the store and runs its missing cells.

    Args:
        plan: What was asked for.
        command: What goes on with the study when it is typed again.

    Returns:
        False where jobs on a cluster go on without this process.

    Raises:
        UserError: A request that the launcher cannot mean.
    """
    launcher, slurm = plan.config.launcher, plan.config.launcher.name == LauncherKind.slurm
    if slurm and plan.missing():
        from bench.launch import resources

        completed = resources.complete(plan)
        plan = completed.plan
        for note in completed.notes:
            print(note)
    missing = plan.missing()
    if missing:
        preflight.check(plan, missing)
    plan.write(command)
    if not missing:
        return True
    if slurm:
        return _on_cluster(plan, missing)
    with watch(plan.store, plan.study.name):
        LAUNCHERS[launcher.name](missing, launcher, len(plan.stored()))
    return True


def _on_cluster(plan: Plan, missing: list[Cell]) -> bool:
    """Submits what is missing; returns whether to go on to the report: everything was waited for, or nothing runs."""
    from bench.launch import slurm

    config, name = plan.config, plan.study.name
    sent = slurm.submit(missing, config.launcher)
    print(slurm.describe(sent), flush=True)
    if not (sent.jobs or sent.queued or sent.held):
        return True
    if not (config.wait or config.watch):
        words = (f"ablation={name}", *plan.store.words)
        print(f"follow: {command_line('bench.status', *words)}\nstop: {command_line('bench.cancel', *words)}")
        return False
    with watch(plan.store, name):
        slurm.follow(missing, config.launcher, resubmit=config.watch)
    return True
