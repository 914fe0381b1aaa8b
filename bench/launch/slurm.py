"""Cells as Slurm jobs, through submitit: one job array per distinct request of resources."""

import re
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import submitit

from bench.config.compose import restore
from bench.config.schema import LauncherConfig
from bench.launch import slurm_intents, slurm_outcome, slurm_queue
from bench.launch.slurm_job import VISIBLE_SECONDS, CellJob
from bench.launch.slurm_time import minutes
from bench.storage import files, snapshot
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.terminal.errors import UserError

POLL_SECONDS = 10.0  # between looks at the queue while following
Request = dict[str, Any]
MAX_ARRAY = 1000  # Slurm's default, where it does not say
ASKED = (
    "partition",
    "account",
    "qos",
    "constraint",
    "nodes",
    "processes",
    "gpus",
    "cpus",
    "memory",
    "time",
    "setup",
)


@dataclass
class Submission:
    """What became of the cells that were to be submitted."""

    jobs: dict[str, list[Cell]] = field(default_factory=dict)  # array id to its cells
    queued: list[Cell] = field(default_factory=list)  # have a job already, or may have one
    adopted: dict[str, list[Cell]] = field(default_factory=dict)  # jobs of a submitter that died, found again
    held: list[Cell] = field(default_factory=list)  # a process outside Slurm is training them
    given_up: list[Cell] = field(default_factory=list)  # died too often for one cause


def submit(cells: list[Cell], config: LauncherConfig) -> Submission:
    """Submits what has no job yet and returns at once.

    Args:
        cells: Planned and not done, all of one store.
        config: The launcher's settings; what a job asks for is read from each cell's own configuration.

    Raises:
        UserError: No Slurm here, a request that is no request, or one that sbatch refuses.
    """
    store = cells[0].path.parents[1].resolve()
    done = Submission()
    with files.locked(store / "slurm" / "lock"):
        adopted = slurm_intents.adopt(Store(store))
        done.adopted, unknown = adopted.jobs, {cell.id for cell in adopted.unknown}
        jobs = slurm_queue.jobs(cell.job()["id"] for cell in cells if cell.job())
        groups: dict[str, list[Cell]] = {}
        asks: dict[str, Request] = {}
        for cell in cells:
            job = jobs.get(cell.job().get("id", ""))
            if (job and job.alive) or cell.id in unknown:
                done.queued.append(cell)
                continue
            if cell.done:  # since the plan was made
                continue
            if cell.locked():
                done.held.append(cell)
                continue
            if job:
                slurm_outcome.record_death(cell, job, config)
            ask = request(restore(cell.config()).launcher)
            if slurm_outcome.given_up(cell, ask, config):
                done.given_up.append(cell)
                continue
            asks[repr(ask)] = ask
            groups.setdefault(repr(ask), []).append(cell)
        if groups:
            code = snapshot.take(store)
            most = _max_array()
            for key, group in groups.items():
                for first in range(0, len(group), most):
                    done.jobs |= _submit_array(store, code, group[first : first + most], asks[key], config)
    return done


def _submit_array(
    store: Path, code: Path, cells: list[Cell], ask: Request, config: LauncherConfig
) -> dict[str, list[Cell]]:
    task: dict[str, Any] = {
        "checkpoint_seconds": config.checkpoint_seconds,
        "threads": config.threads or ask["cpus"],
        "max_failures": config.max_failures,
    }
    job = {"submitted": time.time(), "snapshot": code.name, "code": snapshot.digest(code), "ask": ask}
    for cell in cells:  # before it can start: how the last job ended stays in its deaths
        cell.update_state(state="planned", cause=None, error=None)
    intent = slurm_intents.declare(cells, job, task)
    executor = make_executor(store, code, ask, config, comment=intent.token)
    try:
        jobs = send(executor, [CellJob(str(store), cell.id, **task) for cell in cells])
    except UserError as error:
        if "timed out" not in error.what:  # then the controller may have taken it all the same
            intent.withdraw()
        raise
    intent.fulfil([job.job_id for job in jobs])
    return {jobs[0].job_id.partition("_")[0]: cells}


def send(executor: submitit.SlurmExecutor, tasks: Sequence[Any]) -> list[Any]:
    """Submits tasks as one array.

    Raises:
        UserError: sbatch refuses them.
    """
    try:
        with executor.batch():
            return [executor.submit(task) for task in tasks]
    except submitit.core.utils.FailedJobError as error:
        raise UserError(
            f"sbatch refused the job: {str(error).strip().splitlines()[-1]}",
            "Look at launcher.partition, .account, .qos, .gpus, .cpus, .memory and .time; `sinfo` lists partitions.",
        ) from None


def request(config: LauncherConfig) -> Request:
    """What a job asks Slurm for, checked; equal requests share an array.

    Raises:
        UserError: A time or memory Slurm would not understand.
    """
    if config.memory is not None and not re.fullmatch(r"\d+(\.\d+)?[KMGT]?", config.memory):
        raise UserError(
            f"launcher.memory={config.memory}: this is no amount of memory.", "Write it as 32G or 800M."
        )
    if config.cpus < 1 or config.gpus < 0:
        raise UserError(
            f"launcher.cpus={config.cpus}, launcher.gpus={config.gpus}: these are numbers per process.",
            "Use 1 CPU or more, and 0 GPUs or more.",
        )
    ask = {name: getattr(config, name) for name in ASKED} | {
        "time": minutes(config.time) if config.time else None
    }
    return ask | {"setup": list(config.setup)}


class _Executor(submitit.SlurmExecutor):
    """Renders scripts also where no Slurm is installed, for dry runs."""

    @classmethod
    def affinity(cls) -> int:
        return 2


def make_executor(
    store: Path, code: Path, ask: Request, config: LauncherConfig, comment: str | None = None
) -> submitit.SlurmExecutor:
    """The executor that submits cells with these resources, running `code`."""
    executor = _Executor(store / "slurm")
    executor.update_parameters(
        job_name=slurm_intents.NAME,
        comment=comment,
        nodes=ask["nodes"],
        ntasks_per_node=ask["processes"],
        partition=ask["partition"],
        account=ask["account"],
        qos=ask["qos"],
        constraint=ask["constraint"],
        gpus_per_node=ask["gpus"] * ask["processes"] or None,
        cpus_per_task=ask["cpus"],
        mem=ask["memory"],
        time=ask["time"],
        signal_delay_s=config.warning_seconds,
        array_parallelism=config.max_parallel,
        stderr_to_stdout=True,
        wckey=None,
        additional_parameters={"requeue": True},
        srun_args=[
            f"--cpus-per-task={ask['cpus']}",  # srun no longer takes it over from the job
            *(
                ["--kill-on-bad-exit=1"] if ask["nodes"] * ask["processes"] > 1 else []
            ),  # who is left would wait for ever
        ],
        setup=[
            *ask["setup"],
            f"export PYTHONPATH={shlex.quote(str(code))}",
            "export PYTHONSAFEPATH=1  # not the working tree, which may be edited while the job waits",
            f"export OMP_NUM_THREADS={config.threads or ask['cpus']}",
        ],
    )
    return executor


def script(store: Path, cells: int, ask: Request, config: LauncherConfig) -> str:
    """The sbatch script that many cells would be submitted with."""
    executor = make_executor(store, store / "snapshots" / "DIGEST", ask, config)
    if cells > 1:
        executor.parameters["map_count"] = cells
    text: str = executor._make_submission_file_text(executor._submitit_command_str, "dry")
    return text


def follow(cells: list[Cell], config: LauncherConfig, resubmit: bool) -> None:
    """Returns when no job of these cells is left.

    A cell whose job ended without a result is looked at again after a while, because the result may appear late on this
    machine; then its death is recorded and, with `resubmit`, it gets a new job unless a person cancelled the old one
    or it died too often.

    Args:
        cells: Submitted.
        config: The launcher's settings.
        resubmit: Whether what died is submitted again.
    """
    ended: dict[str, float] = {}  # job id: when its end was first seen
    while True:
        open_cells = [cell for cell in cells if not cell.done]
        jobs = slurm_queue.jobs(cell.job()["id"] for cell in open_cells if cell.job())
        now = time.monotonic()
        waiting, again = False, []
        for cell in open_cells:
            job = jobs.get(cell.job().get("id", ""))
            if job is None or job.alive:
                waiting |= job is not None
                if job is not None and resubmit:
                    _release_once(cell, job)
                continue
            if now - ended.setdefault(job.id, now) < _patience(cell):
                waiting = True
                continue
            slurm_outcome.record_death(cell, job, config)
            if resubmit and job.state != "CANCELLED":
                again.append(cell)
        if again:
            sent = submit(again, config)
            print(describe(sent), file=sys.stderr, flush=True)
            waiting |= bool(sent.jobs or sent.queued or sent.held)
        if not waiting:
            return
        time.sleep(POLL_SECONDS)


def _release_once(cell: Cell, job: slurm_queue.Job) -> None:
    """Lets a job go on that Slurm holds because a node could not start it; the second time a person must look."""
    record = cell.job()
    if not job.launch_failed or record.get("released"):
        return
    problem = slurm_queue.tell(["scontrol", "release", job.id])
    cell.write("job", record | {"released": time.time()})
    said = problem or f"released job {job.id} of cell {cell.id}, held because a node could not start it"
    print(said, file=sys.stderr, flush=True)


def _patience(cell: Cell) -> float:
    """A failure the process itself wrote down is already visible; anything else may be."""
    return 0.0 if cell.state()["state"] == "failed" else VISIBLE_SECONDS


def describe(submission: Submission) -> str:
    """What was submitted and what was not, for people."""
    lines = []
    for id_, cells in submission.jobs.items():
        ask = {"nodes": 1} | cells[0].job()["ask"]
        team = f"{ask['nodes']} nodes with " if ask["nodes"] > 1 else ""
        team += f"{ask['processes']} processes of " if ask["processes"] > 1 else ""
        gpus = f"{ask['gpus']} GPU, " if ask["gpus"] else ""
        size = f"array of {len(cells)} cells" if len(cells) > 1 else "1 cell"
        where = f" on {ask['partition']}" if ask["partition"] else ""
        each = f"{team}{gpus}{ask['cpus']} CPU, {ask['memory']}, {ask['time']} min"
        lines.append(f"submitted job {id_}: {size}{where}, each {each}")
    for id_, cells in submission.adopted.items():
        lines.append(f"found job {id_} again, whose submission was interrupted: {len(cells)} cells")
    if submission.queued:
        ids = sorted({cell.job().get("id", "not known yet").partition("_")[0] for cell in submission.queued})
        lines.append(f"{len(submission.queued)} cells have a job already: {', '.join(ids)}")
    if submission.held:
        lines.append(f"{len(submission.held)} cells are being trained outside Slurm and were left alone")
    for cell in submission.given_up:
        lines.append(f"not submitted: {cell.id}: {cell.state().get('cause')}")
    return "\n".join(lines)


def _max_array() -> int:
    said = slurm_queue.ask(["scontrol", "show", "config"]) or ""
    match = re.search(r"MaxArraySize\s*=\s*(\d+)", said)
    return int(match[1]) if match else MAX_ARRAY
