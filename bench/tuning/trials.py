"""One search in a store: Optuna's study, which trial comes next, and what became of trials whose worker died.

    <store>/tune/<name>/  tune.json (the request)  journal.log (Optuna's storage)  workers/  result.json  recipe.yaml

Optuna's storage may be a database instead of the journal. Liveness needs none of it: a worker holds a lock file while
it lives, and a running trial whose worker's lock is free is lost.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.config.request import Request
from bench.storage import files
from bench.storage.store import Store
from bench.study.definition import Row, Study
from bench.study.plan import Plan, study_record
from bench.study.prepare import prepare
from bench.terminal.arguments import dotted
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError
from bench.tuning.space import Search, parse_search, value_of
from bench.tuning.storage import make_pruner, make_sampler, open_storage

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

WORDS = {
    "COMPLETE": "finished",
    "PRUNED": "given up",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
LOSSES = 3  # a trial that took so many workers with it is not tried again


class Tuning:
    """A search that was asked for: `start` made its `tune.json`.

    Args:
        store: The store its cells are in.
        name: What the store calls it.
    """

    def __init__(self, store: Store, name: str) -> None:
        request = files.read_json(store.root / "tune" / name / "tune.json")
        if request is None:
            raise UserError(
                f"tune={name}: the store {store.root} holds no such search.",
                f"Run `{command_line('bench.tune', f'tune={name}', *store.words)}` first.",
            )
        self.store, self.name = store, name
        self.folder = store.root / "tune" / name
        self.overrides: list[str] = request["overrides"]
        self.trials: int = request["trials"]
        self.command: str = request["command"]
        self.storage: str | None = request["storage"]
        self.search: Search = parse_search(request["search"], request["source"])

    @cached_property
    def study(self) -> "optuna.Study":
        """Optuna's study, made if it is missing."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return optuna.create_study(
            study_name=self.name,
            storage=open_storage(self.storage, self.folder),
            direction="maximize",
            load_if_exists=True,
            pruner=make_pruner(self.search.pruner, self.base.cells[0].config.recipe.epochs),
        )

    @cached_property
    def base(self) -> Plan:
        """The recipe as it is, before anything is searched."""
        return self.prepare({"base": {}})

    def prepare(self, trials: dict[str, dict[str, Any]]) -> Plan:
        """Checked cells of trials, by a key of the caller's and the searched values."""
        return prepare_trials(f"tune-{self.name}", self.overrides, trials, self.search.title)

    def begin(self) -> None:
        """Makes the study, or checks that the one there searches the same; the first trial is the recipe as it is.

        Raises:
            UserError: The study there was begun with another space, data set or base recipe.
        """
        (base,) = self.base.cells
        begun = {"space": self.search.values["space"], "base": base.identity}
        with self._turn():
            known = {key: self.study.user_attrs[key] for key in begun if key in self.study.user_attrs}
            if not known:
                for key, value in begun.items():
                    self.study.set_user_attr(key, value)
                values = {key: value_of(base.config, key) for key in self.search.space}
                if all(values[key] in dimension for key, dimension in self.search.space.items()):
                    self.study.enqueue_trial(values, user_attrs={"start": True})
            elif known != begun:
                raise UserError(
                    f"tune={self.name}: {self.folder} was begun with other settings ({_difference(known, begun)}).",
                    "Give this one a name of its own with name=NAME, or ask for the same settings.",
                )

    @contextmanager
    def member(self) -> Iterator[str]:
        """Counts this process as a living worker; yields its name."""
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        lock = self._lock(name)
        with files.locked(lock):
            yield name
            lock.unlink(missing_ok=True)  # its name is never used again

    def next(self, worker: str) -> "Trial | None":
        """The trial this worker makes now: one that lost its worker first; None when all are made or being made."""
        from optuna.trial import TrialState

        with self._turn():
            self._requeue_lost()
            known = self.study.get_trials(deepcopy=False)
            if counted(known) >= self.trials and not any(t.state == TrialState.WAITING for t in known):
                return None
            self.study.sampler = make_sampler(self.search.sampler, len(known))
            trial = self.study.ask(self.distributions())
            trial.set_user_attr("worker", worker)
            return trial

    def distributions(self) -> "dict[str, optuna.distributions.BaseDistribution]":
        """The space in Optuna's words."""
        from bench.tuning.storage import distribution

        return {key: distribution(dimension) for key, dimension in self.search.space.items()}

    def alive(self, worker: str | None) -> bool:
        """Whether the worker of that name is a living process, on any machine that shares the store."""
        if worker is None or not self._lock(worker).exists():
            return False
        with files.locked(self._lock(worker), wait=False) as free:
            return not free

    def _requeue_lost(self) -> None:
        """Fails running trials whose worker died and puts the same values in the queue: their cells go on."""
        from optuna.trial import TrialState

        known = self.study.get_trials(deepcopy=False)
        retried = {trial.user_attrs.get("retry_of") for trial in known}
        for trial in known:
            if trial.state != TrialState.RUNNING or self.alive(trial.user_attrs.get("worker")):
                continue
            losses = trial.user_attrs.get("losses", 0) + 1
            if losses < LOSSES and trial.number not in retried:
                again = {"retry_of": trial.number, "losses": losses}
                start = {"start": True} if "start" in trial.user_attrs else {}
                self.study.enqueue_trial(trial.params, user_attrs=again | start)
            self.study.tell(trial.number, state=TrialState.FAIL)

    def _lock(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One process at a time looks at the trials and decides; the kernel ends the turn of one that dies."""
        with files.locked(self.folder / "turn.lock"):
            yield

    def write_record(self) -> None:
        """Makes the trials' cells a study of the store, for `bench.status`, the tracker and the reports."""
        (base,) = (prepared := self.base).cells
        with self._turn():
            known = [trial for trial in self.study.get_trials(deepcopy=False) if "cell" in trial.user_attrs]
            rows = [
                {
                    "key": f"trial-{trial.number}",
                    "label": describe(trial),
                    "marks": [],
                    "cells": [{"dataset": base.dataset, "seed": base.seed, "id": trial.user_attrs["cell"]}],
                }
                for trial in known
            ]
            record = study_record(prepared.study, prepared.cells, self.command)
            self.store.write_study(record | {"rows": rows})


def prepare_trials(
    name: str, overrides: list[str], trials: dict[str, dict[str, Any]], title: str = ""
) -> Plan:
    """A study whose rows are trials: a key of the caller's and the searched values."""
    rows = tuple(Row(key, key, changes=nested(values)) for key, values in trials.items())
    return prepare(Request.parse(overrides), Study(name, title, rows))


def start(store: Store, name: str, search: Search, overrides: list[str], **request: Any) -> Tuning:
    """Writes down what is asked for, so that workers anywhere can join.

    Args:
        store: The store.
        name: What it will be called.
        search: The space, sampler and pruner.
        overrides: Of every trial's configuration.
        request: `trials`, `storage` and `command`.
    """
    known = {"name": name, "source": search.source, "search": search.values, "overrides": overrides}
    files.write_json(store.root / "tune" / name / "tune.json", known | request)
    return Tuning(store, name)


def counted(trials: "list[FrozenTrial]") -> int:
    """How many trials were begun, one that was begun again for a lost worker once."""
    return sum("retry_of" not in trial.user_attrs for trial in trials)


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested mappings."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        *parents, leaf = key.split(".")
        inner = found
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[leaf] = value
    return found


def describe(trial: "FrozenTrial") -> str:
    """`trial 3: lr 0.0012, loss ce`."""
    said = ", ".join(f"{key.rsplit('.', 1)[-1]} {spelled(value)}" for key, value in trial.params.items())
    return f"trial {trial.number}: {said}"


def spelled(value: Any) -> str:
    """A value for people: three digits of a number."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _difference(known: dict[str, Any], asked: dict[str, Any]) -> str:
    before, after = dict(dotted(known)), dict(dotted(asked))
    key = next(key for key in [*before, *after] if before.get(key) != after.get(key))
    name = key.partition(".")[2]
    return f"{name}: {before.get(key, 'nothing')} there, {after.get(key, 'nothing')} asked for"
