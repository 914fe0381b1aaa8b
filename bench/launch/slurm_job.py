"""What runs on a node: one cell, in a process that submitit started from the code snapshot."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import submitit
from submitit.helpers import DelayedSubmission, TorchDistributedEnvironment

from bench.launch import slurm_queue
from bench.storage.cell import Cell, Record
from bench.storage.store import Store
from bench.training import distributed, interrupt
from bench.training.cell import run_cell

VISIBLE_SECONDS = 60.0  # how late a file written on one machine may appear on another
HELD_SECONDS = 120.0  # how long another process may hold the cell before this job leaves it alone
WARNING = getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}")  # Slurm sends it before the time limit


@dataclass
class CellJob:
    """The task of a job: pickled at submission, called on the node.

    Args:
        store: Absolute path of the store.
        cell: Id of the cell.
        checkpoint_seconds: Time between checkpoints.
        threads: CPU threads.
        max_failures: How many time limits in a row may pass without a step saved.
    """

    store: str
    cell: str
    checkpoint_seconds: float
    threads: int
    max_failures: int

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues again when the warning comes before `__call__` listens to it: the same."""
        return DelayedSubmission(self)

    def __call__(self) -> None:
        """Trains the cell; exits with an error unless it is done or goes on in a later job."""
        interrupt.listen(signal.SIGTERM, WARNING)
        import torch

        from bench.training import checkpoint

        torch.set_num_threads(self.threads)
        environment = submitit.JobEnvironment()
        job = environment.job_id
        if environment.num_tasks > 1:
            TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        cell = Store(self.store).cell(self.cell)
        _wait_until_visible(cell)
        if environment.node == 0:  # two nodes would overwrite each other's lines on a shared disk
            _print_to(cell.log)
        before = checkpoint.newest_step(cell.checkpoints)
        owner = {"job": job, "restart": int(os.environ.get("SLURM_RESTART_COUNT", 0))}
        trained = self._run(cell, owner)
        distributed.end()
        if distributed.rank() > 0:
            return
        if not trained and not interrupt.received():
            print(f"cell {cell.id} is trained by another process; this job leaves it alone.", flush=True)
        elif cell.done:
            return
        elif interrupt.received() == WARNING:
            if self._goes_on(cell, checkpoint.newest_step(cell.checkpoints) > before):
                _requeue(cell, job)
        elif interrupt.received():
            sys.exit(128 + signal.SIGTERM)  # pre-empted: Slurm itself requeues it, or a person cancelled it
        else:
            raise RuntimeError(str(cell.state().get("cause")))

    def _run(self, cell: Cell, owner: Record) -> bool:
        """Trains, waiting a while for a predecessor that is still ending; False when it is left to another."""
        if distributed.rank() > 0:
            return run_cell(cell, self.checkpoint_seconds)
        deadline = time.monotonic() + HELD_SECONDS
        while time.monotonic() < deadline and not interrupt.received() and not distributed.over():
            other = cell.state()
            held = other["state"] == "running" and other.get("job") not in (None, owner["job"])
            if not (held and slurm_queue.jobs([other["job"]])[other["job"]].running) and run_cell(
                cell, self.checkpoint_seconds, owner=owner
            ):
                return True
            time.sleep(5)
        return False

    def _goes_on(self, cell: Cell, progressed: bool) -> bool:
        """Whether another time limit makes sense; one too short for a single checkpoint never ends."""
        stalled = 0 if progressed else int(cell.state().get("stalled", 0)) + 1
        cell.update_state(stalled=stalled)
        if stalled < self.max_failures:
            return True
        cause = f"{stalled} time limits in a row passed before one step was saved"
        cell.update_state(state="failed", cause=cause, error="Ask for more with launcher.time=", stalled=0)
        return False


def _requeue(cell: Cell, job: str) -> None:
    """Asks Slurm to run this job again; where it will not, the cell waits for the next `bench.run`."""
    if slurm_queue.ask(["scontrol", "requeue", job]) is None:
        cell.update_state(cause="the time limit came and Slurm did not requeue the job; its state is saved")
        print(cell.state()["cause"], flush=True)


def _wait_until_visible(cell: Cell) -> None:
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not cell.description():
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{cell.path}/cell.json: not to be seen from this node after {VISIBLE_SECONDS:.0f} s"
            )
        time.sleep(1)


def _print_to(log: Path) -> None:
    """Sends what this process and its children print to the cell's log; Slurm's own file keeps what came before."""
    print(f"what follows is in {log}", flush=True)
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
