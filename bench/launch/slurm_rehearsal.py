"""Rehearsals as one short job per distinct request of resources, on the nodes that cells will be trained on."""

import dataclasses
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import submitit
from submitit.helpers import TorchDistributedEnvironment

from bench.launch import resources, slurm, slurm_outcome, slurm_queue
from bench.storage import snapshot
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.plan import Plan, PlannedCell
from bench.terminal.bars import bar
from bench.terminal.command_line import word

MINUTES = 20  # a model: building, reading weights and data on a cold node
POLL_SECONDS = 3.0


@dataclass
class RehearsalJob:
    """The task of a job: pickled at submission, called on the node; each model in a process of its own.

    Args:
        store: Absolute path of the scratch store.
        cells: Ids of the scratch cells.
        checkpoint_seconds: As for real cells.
        threads: CPU threads.
    """

    store: str
    cells: list[str]
    checkpoint_seconds: float
    threads: int

    def __call__(self) -> None:
        """Rehearses one model after the other; what each found lies in its folder."""
        if submitit.JobEnvironment().num_tasks > 1:
            TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        for id_ in self.cells:
            words = [word("store", self.store), f"id={id_}", "rehearse=true", f"threads={self.threads}"]
            words.append(f"checkpoint_seconds={self.checkpoint_seconds}")
            with Store(self.store).cell(id_).log.open("ab") as log:
                subprocess.run(
                    [sys.executable, "-m", "bench.cell", *words], stdout=log, stderr=log, env=os.environ
                )


def run(plan: Plan, acts: list[tuple[PlannedCell, Cell]]) -> None:
    """Submits the rehearsals and waits for them.

    Args:
        plan: The whole plan, whose store compute nodes see.
        acts: What is rehearsed, and the scratch cell for it.

    Raises:
        UserError: No Slurm here, or a request that sbatch refuses.
    """
    config = plan.config.launcher
    complete = {planned.id: planned for planned in resources.complete(plan).plan.cells}
    asks: dict[str, slurm.Request] = {}
    groups: dict[str, list[Cell]] = {}
    for planned, cell in acts:
        ask = slurm.request(complete[planned.id].config.launcher) | {"time": None}
        asks[repr(ask)] = ask
        groups.setdefault(repr(ask), []).append(cell)
    store = plan.store.root.resolve()
    code = snapshot.take(store)
    jobs: dict[str, list[Cell]] = {}
    for key, cells in groups.items():
        ask = asks[key] | {"time": MINUTES * len(cells)}
        executor = slurm.make_executor(store, code, ask, dataclasses.replace(config, warning_seconds=1))
        scratch = cells[0].path.parents[1].resolve()
        ids = [cell.id for cell in cells]
        task = RehearsalJob(str(scratch), ids, config.checkpoint_seconds, config.threads or ask["cpus"])
        (job,) = slurm.send(executor, [task])
        for cell in cells:
            cell.write("job", {"id": job.job_id, "output": str(job.paths.stdout), "ask": ask})
        jobs[job.job_id] = cells
    print(
        f"rehearsing {len(acts)} models first: job {', '.join(jobs)} (launcher.rehearse=false to skip)",
        file=sys.stderr,
        flush=True,
    )
    _wait(jobs, len(acts))


def _wait(jobs: dict[str, list[Cell]], models: int) -> None:
    """Returns when no job is left; what a job took with it says so."""
    try:
        with bar("rehearsing") as progress:
            while True:
                seen = slurm_queue.jobs(jobs)
                done = sum(
                    (cell.path / "rehearsal.json").exists() for cells in jobs.values() for cell in cells
                )
                progress(done, models)
                if not any(job.alive for job in seen.values()):
                    break
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        slurm_queue.ask(["scancel", *jobs])
        raise
    for id_, cells in jobs.items():
        for cell in cells:
            if cell.state()["state"] not in ("done", "failed", "stopped"):
                cell.update_state(state="failed", cause=slurm_outcome.cause(cell, seen[id_]))
