"""Optuna's parts: where trials are kept, how they are chosen, when they are given up."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.storage import files
from bench.terminal.errors import UserError
from bench.tuning.space import Choice, PrunerConfig, PrunerKind, Range, SamplerConfig, SamplerKind

if TYPE_CHECKING:
    import optuna

BEGINS = b'{"op_code":'  # every entry of a journal


def check_url(url: str) -> None:
    """Refuses passwords: the URL is written to files and seen in process lists.

    Raises:
        UserError: No URL of a database, or one with a password.
    """
    if "://" not in url:
        raise UserError(
            f"storage={url}: this is no URL of a database.", "For example postgresql://host/tuning."
        )
    if urlsplit(url).password is not None:
        raise UserError(
            f"storage: the URL for {urlsplit(url).hostname} holds a password, seen in files and process lists.",
            "Leave it out and put it in ~/.pgpass, or in PGPASSWORD on every node.",
        )


def open_storage(url: str | None, folder: Path) -> "optuna.storages.BaseStorage":
    """The database at `url`, else the journal file in `folder`.

    Raises:
        UserError: The database cannot be reached, or its driver is not installed.
    """
    if url is None:
        return _journal(folder / "journal.log")
    from optuna.storages import RDBStorage

    try:
        return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
    except ImportError as error:
        raise UserError(
            f"storage={url}: its driver is not installed ({error}).", "pip install 'fianet-bench[postgres]'"
        ) from None
    except Exception as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise UserError(
            f"storage={url}: the database cannot be used: {reason}.", "Start it, or mend the URL."
        ) from None


def _journal(path: Path) -> "optuna.storages.BaseStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.absolute()
    path.touch()  # a lock links to it: one that a killed process left is taken over only where the link leads somewhere
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        _drop_torn_lines(path)
    finally:
        lock.release()
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:  # replaying raises whatever an entry leads to
        raise UserError(
            f"{path}: its trials cannot be read ({type(error).__name__}: {error}).",
            "Move it away: the search then starts anew, and cells that are done are not trained again.",
        ) from None


def _drop_torn_lines(path: Path) -> None:
    """Drops what is no entry, which nothing could be read past.

    A disk that was full or lost power leaves half a line, network disks a blank or a torn one in the middle, before the
    next entry or grown together with it.
    """
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    whole = [entry for line in lines if (entry := _entry(line))]
    if whole == lines:
        return
    kept = b"".join(whole)
    if not content.startswith(kept):  # else the end alone is torn, as a killed process leaves it
        aside = path.with_name(f"{path.name}.torn")
        files.write_bytes(aside, content)
        said = f"{path}: {sum(a not in whole for a in lines)} damaged lines were dropped; as it was: {aside.name}."
        print(said, file=sys.stderr)
    files.write_bytes(path, kept)


def _entry(line: bytes) -> bytes:
    """The entry in a line of a journal, which may follow half of another; nothing where there is none."""
    if not line.endswith(b"\n"):
        return b""
    for begin in (0, max(line.rfind(BEGINS), 0)):
        try:
            if isinstance(json.loads(line[begin:]), dict):
                return line[begin:]
        except ValueError:
            continue
    return b""


def distribution(dimension: Range | Choice) -> "optuna.distributions.BaseDistribution":
    """A dimension of the space in Optuna's words."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    low, high, step = dimension.low, dimension.high, dimension.step
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)


def make_sampler(config: SamplerConfig, trial: int) -> "optuna.samplers.BaseSampler":
    """A sampler for one trial: its randomness follows from the seed and the trial's number, whoever asks and when."""
    from optuna import samplers

    seed = config.seed * 1_000_003 + trial
    match config.name:
        case SamplerKind.tpe:
            return samplers.TPESampler(seed=seed, n_startup_trials=config.startup, constant_liar=True)
        case SamplerKind.gp:
            return samplers.GPSampler(seed=seed, n_startup_trials=config.startup)
    return samplers.RandomSampler(seed=seed)


def make_pruner(config: PrunerConfig, epochs: int) -> "optuna.pruners.BasePruner":
    """A pruner over the epochs of a recipe."""
    from optuna import pruners

    match config.name:
        case PrunerKind.hyperband:
            return pruners.HyperbandPruner(
                config.min_epochs, max(epochs, config.min_epochs), config.reduction
            )
        case PrunerKind.asha:
            return pruners.SuccessiveHalvingPruner(config.min_epochs, config.reduction)
        case PrunerKind.median:
            return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=config.min_epochs)
    return pruners.NopPruner()
