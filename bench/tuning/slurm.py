"""Workers of a search as Slurm jobs: one array, each task one worker that goes on from job to job."""

import sys
import time
from dataclasses import dataclass
from signal import SIGTERM

import submitit
from submitit.helpers import DelayedSubmission

from bench.config.schema import Config
from bench.launch import resources, slurm, slurm_queue
from bench.launch.slurm_job import WARNING
from bench.launch.slurm_time import Limits, minutes
from bench.storage import files, snapshot
from bench.storage.store import Store
from bench.training import interrupt
from bench.tuning.trials import Tuning

WORKER_TIME = "4:00:00"  # where launcher.time leaves it open: a worker goes on from job to job


@dataclass
class WorkerJob:
    """The task of a job: pickled at submission, called on the node.

    Args:
        store: Absolute path of the store.
        name: The search.
        threads: CPU threads.
    """

    store: str
    name: str
    threads: int

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again when the warning comes before `__call__` listens to it: the same."""
        return DelayedSubmission(self)

    def __call__(self) -> None:
        """Makes trials until none is left; before a time limit the trial is saved and the job queued again."""
        interrupt.listen(SIGTERM, WARNING)
        import torch

        from bench.tuning.result import write_result
        from bench.tuning.worker import work

        torch.set_num_threads(self.threads)
        tuning = Tuning(Store(self.store), self.name)
        code = work(tuning)
        if interrupt.received() == WARNING:
            job = submitit.JobEnvironment().job_id
            if slurm_queue.ask(["scontrol", "requeue", job]) is None:
                print(
                    "Slurm did not requeue this job; the trial is saved for the next `bench.tune`", flush=True
                )
        elif interrupt.received():
            sys.exit(128 + SIGTERM)  # pre-empted: Slurm itself requeues it, or a person cancelled it
        else:
            write_result(tuning)
            if code:
                raise RuntimeError("three trials in a row failed")


def launch(tuning: Tuning, config: Config) -> int | None:
    """Submits the workers that are missing; with `wait=true` it follows them.

    Returns:
        None when the search goes on without this process, else 0.

    Raises:
        UserError: No Slurm here, or a request it refuses.
    """
    wanted, record = config.launcher.workers or 1, tuning.folder / "jobs.json"
    with files.locked(tuning.folder / "jobs.lock"):
        known = files.read_json(record) or []
        alive = [id_ for id_, job in slurm_queue.jobs(known).items() if job.alive]
        if len(alive) < wanted:
            alive += _submit(tuning, config, wanted - len(alive))
            files.write_json(record, alive)
    print(f"workers: jobs {', '.join(alive)}", file=sys.stderr)
    if not config.wait:
        return None
    while any(job.alive for job in slurm_queue.jobs(alive).values()):
        time.sleep(slurm.POLL_SECONDS)
    return 0


def _submit(tuning: Tuning, config: Config, workers: int) -> list[str]:
    store, launcher = tuning.store.root.resolve(), config.launcher
    launcher.memory = launcher.memory or resources.memory_request(config)
    limits = Limits()
    if launcher.time:
        limits.check(launcher.time, launcher.partition)
    launcher.time = launcher.time or limits.within(minutes(WORKER_TIME), launcher.partition)
    ask = slurm.request(launcher)
    executor = slurm.make_executor(store, snapshot.take(store), ask, launcher)
    task = WorkerJob(str(store), tuning.name, launcher.threads or ask["cpus"])
    return [job.job_id for job in slurm.send(executor, [task] * workers)]
