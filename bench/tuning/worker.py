"""One worker of a search: asks for a trial, trains its cell, tells the score, until there is none left.

`python -m bench.tuning.worker store= name=` joins a search from anywhere that sees the store; launchers start it.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.compose import plain
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from bench.training import interrupt
from bench.tuning.trials import Tuning, describe

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

FAILURES = 3  # in a row: something is wrong with this machine or the space, not with one trial
PATIENCE = (1, 5, 30, 120)  # seconds between attempts to tell a storage that does not answer
USAGE = """
Joins a search that `python -m bench.tune` began, from any machine that sees the store.

  python -m bench.tuning.worker store=runs name=fianet_lr
  python -m bench.tuning.worker store=runs name=fianet_lr threads=1

exit codes: 0 no trial is left, 1 three trials in a row failed, 2 the request is wrong
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.tuning.worker`."""

    store: str = path("runs")
    name: str = ""
    threads: int = 0
    die_with_parent: bool = False  # end when standard input closes


def work(tuning: Tuning) -> int:
    """Makes trials until none is left.

    Returns:
        Exit code: 0 none is left, 1 given up after `FAILURES` failed trials in a row.
    """
    failures = 0
    with tuning.member() as worker:
        while not interrupt.received() and failures < FAILURES and (trial := tuning.next(worker)) is not None:
            failures = 0 if _make(tuning, trial) else failures + 1
    return 1 if failures == FAILURES else 0


def _make(tuning: Tuning, trial: "Trial") -> bool:
    """Brings one trial's cell to its end and tells its score; returns whether it did not fail."""
    from optuna.trial import TrialState

    prepared = tuning.prepare({f"trial-{trial.number}": trial.params})
    (planned,) = prepared.cells
    cell = tuning.store.plan(planned.id, planned.identity, plain(planned.config))
    trial.set_user_attr("cell", cell.id)
    tuning.write_record()
    said = describe(_frozen(tuning, trial))
    print(f"{said} · cell {cell.id}", file=sys.stderr, flush=True)
    stop = Pruning(trial, planned.config.protocol.metric.value)
    before = cell.history()  # epochs trained before are told as if they were now
    answers = [stop(before[: epoch + 1]) for epoch in range(len(before))]
    given_up = any(answers) and not cell.done
    if not given_up:
        _train(cell, planned.config.launcher.checkpoint_seconds, stop)

    state, metrics = cell.state(), cell.metrics()
    if metrics is not None:
        value = metrics["scores"]["val"][planned.config.protocol.metric.value]
        _patiently(lambda: tuning.study.tell(trial, value, skip_if_finished=True))
        print(f"trial {trial.number}: {value:.2f}", file=sys.stderr, flush=True)
        return True
    if interrupt.received():
        # left running: without its worker it counts as lost and is begun again from its state
        return True
    if given_up or state["state"] == "stopped":
        _patiently(lambda: tuning.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True))
        print(
            f"trial {trial.number}: given up after epoch {len(cell.history())}", file=sys.stderr, flush=True
        )
        return True
    cause = str(state.get("cause") or state["state"])
    _patiently(lambda: trial.set_user_attr("cause", cause))
    _patiently(lambda: tuning.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True))
    print(f"trial {trial.number}: failed: {cause}", file=sys.stderr, flush=True)
    return False


def _train(cell: Cell, checkpoint_seconds: float, stop: "Pruning") -> None:
    """Trains the cell, after any other process that trains the same values."""
    from bench.training.cell import run_cell

    while not run_cell(cell, checkpoint_seconds, stop) and not interrupt.received():
        with cell.lock(wait=True):
            pass


class Pruning:
    """Tells Optuna every epoch's score on val and asks whether the trial is worth going on.

    A storage that does not answer stops no training: the trial goes on and its epochs are told later.

    Args:
        trial: The running trial.
        metric: Which score.
    """

    def __init__(self, trial: "Trial", metric: str) -> None:
        self.trial, self.metric = trial, metric
        self.told = 0
        self.warned = False

    def __call__(self, history: list[dict[str, Any]]) -> bool:
        """Tells the epochs not told yet, in order; whether to give the trial up after one of them."""
        try:
            for record in history[self.told :]:
                self.trial.report(record["val"][self.metric], record["epoch"] + 1)
                self.told += 1
                if self.trial.should_prune():
                    return True
        except Exception as error:
            if not self.warned:
                reason = (str(error).splitlines() or [""])[0]
                print(f"tuning: the storage does not answer ({reason}); training goes on", file=sys.stderr)
            self.warned = True
        return False


def _frozen(tuning: Tuning, trial: "Trial") -> "FrozenTrial":
    return tuning.study.get_trials(deepcopy=False)[trial.number]


def _patiently(tell: Callable[[], Any]) -> None:
    """Keeps telling a storage that does not answer for some minutes: hours of training hang on it."""
    for seconds in PATIENCE:
        try:
            tell()
            return
        except Exception as error:
            print(f"tuning: the storage does not answer ({error}); again in {seconds} s", file=sys.stderr)
            time.sleep(seconds)
    tell()


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 no trial is left, 1 trials failed in a row, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    if not arguments.name:
        raise UserError("name= is missing.", "Give the name of a search, as under STORE/tune/.")
    tuning = Tuning(Store(arguments.store), arguments.name)
    if arguments.die_with_parent:
        threading.Thread(target=interrupt.exit_at_end_of_input, daemon=True).start()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    code = work(tuning)
    from bench.tuning.result import write_result

    write_result(tuning)
    return code


if __name__ == "__main__":
    sys.exit(main())
