"""Where the workers of a search run: this process, processes on this machine, or jobs on a cluster."""

import sys
import time
from collections.abc import Callable
from subprocess import Popen
from typing import TYPE_CHECKING

from bench.config.choices import LauncherKind
from bench.config.schema import Config
from bench.launch.devices import Devices, share_machine
from bench.terminal.command_line import word
from bench.tuning.trials import WORDS, Tuning, describe

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

POLL_SECONDS = 1.0
DEATHS = 3  # workers on the same devices: then something kills them all
Start = Callable[[Tuning, Config], int | None]


def inline(tuning: Tuning, config: Config) -> int:
    """One worker in this process; returns its exit code."""
    from bench.tuning.worker import work

    return work(tuning)


def local(tuning: Tuning, config: Config) -> int:
    """A worker process on every share of the machine; one that dies is replaced, and its trial goes on in the next.

    Returns:
        The largest exit code of the workers that ended by themselves; 1 where workers on the same devices kept dying.
    """
    from bench.launch.local import cause, start_worker, stop_workers

    def begin(devices: Devices) -> "Popen[bytes]":
        log = tuning.folder / "workers" / f"{devices.number}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        words = [word("store", tuning.store.root), f"name={tuning.name}"]
        return start_worker("bench.tuning.worker", words, devices, log)

    news = News(tuning)
    shares = share_machine(config.launcher, tuning.trials)
    running = {devices: begin(devices) for devices in shares}
    deaths = dict.fromkeys(shares, 0)
    worst = 0
    try:
        while running:
            news()
            for devices, process in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                del running[devices]
                if code in (0, 1, 2):
                    worst = max(worst, code)
                    continue
                deaths[devices] += 1
                print(f"tuning: worker {devices.number} died ({cause(code)})", file=sys.stderr, flush=True)
                if deaths[devices] < DEATHS:
                    running[devices] = begin(devices)
                else:
                    worst = max(worst, 1)
            time.sleep(POLL_SECONDS)
    finally:
        stop_workers(list(running.values()))
    news()
    return worst


class News:
    """One line on stderr for every trial that ended since the last look; earlier ones are no news."""

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.known = {trial.number for trial in self._ended()}

    def _ended(self) -> "list[FrozenTrial]":
        return [trial for trial in self.tuning.study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def __call__(self) -> None:
        """Looks and prints."""
        ended = self._ended()
        for trial in ended:
            if trial.number in self.known:
                continue
            self.known.add(trial.number)
            score = "" if trial.value is None else f" {trial.value:.2f}"
            said = f"{describe(trial)} · {WORDS[trial.state.name]}{score}"
            best = max((t.value for t in ended if t.value is not None), default=None)
            so_far = f" · best {best:.2f}" if best is not None else ""
            print(f"{said}{so_far} · {len(self.known)}/{self.tuning.trials}", file=sys.stderr, flush=True)


def slurm(tuning: Tuning, config: Config) -> int | None:
    """Jobs on a cluster; None when the search goes on without this process."""
    from bench.tuning.slurm import launch

    return launch(tuning, config)


LAUNCHERS: dict[LauncherKind, Start] = {
    LauncherKind.inline: inline,
    LauncherKind.local: local,
    LauncherKind.slurm: slurm,
}
