"""`python -m bench.tune`: searches a recipe. Trials are cells; the best becomes a recipe for `bench.run`."""

import json
import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config.schema import Config, Split
from bench.storage.store import Store
from bench.terminal.arguments import keys, nearest, parse
from bench.terminal.errors import UserError, command

if TYPE_CHECKING:
    from bench.tuning.space import Search

HELP = """
Searches recipes: every trial is a cell of the store, scored on val, given up early when it is poor.

  python -m bench.tune tune=fianet_lr                        on this machine, one worker a GPU or core
  python -m bench.tune tune=fianet_lr workers=2 trials=64 data=rrsisd data.root=DIR scale=base
  python -m bench.tune tune=fianet_lr launcher=slurm workers=8 trials=64
  python -m bench.tune tune=lr model=lavt name=lavt_lr       the same space for another model
  python -m bench.tune tune=fianet_lr dry_run=true           the space, and how many trials are left

Run the same command again to go on: trials count over restarts (raise trials= for more), a trial whose worker was
killed goes on from its checkpoint, and the same values are never trained twice. Then

  python -m bench.run recipe=runs/tune/fianet_lr/recipe.yaml

searches (tune=NAME, or the path of a YAML file)
{searches}

keys: tune=NAME       trials=N (none: the file's)     workers=N (none: launcher.workers)
      name=NAME       what the store calls it         storage=postgresql://HOST/DB instead of a journal file
      launcher=NAME   inline, local or slurm          --json   the result for scripts
      and every key of bench.run (data= scale= model= recipe.*= store= ...) for all trials
writes STORE/tune/NAME/: recipe.yaml, trials.csv, result.json, history, values and importance as PNG and PDF
exit codes: 0 done, 1 trials failed or none finished, 2 the request is wrong
"""


@dataclass
class Arguments:
    """The keys of `python -m bench.tune` that are no configuration."""

    tune: str = ""
    trials: int | None = None
    workers: int | None = None
    storage: str | None = None
    json: bool = False


OWN = tuple(field.name for field in fields(Arguments))


def usage() -> str:
    """What `--help` prints."""
    from bench.config.groups import options

    names = options("tune")
    width = max(map(len, names))
    return HELP.format(
        searches="\n".join(f"  {name:<{width}}  {said}" for name, said in names.items())
    ).strip()


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 trials failed or none finished, 2 the request is wrong."""
    own, rest = _split(argv)
    arguments = parse(own, Arguments, usage())
    if not arguments.tune:
        raise UserError("tune= is missing.", f"For example tune=fianet_lr; {sys.argv[0]} --help lists all.")
    from bench.tuning.space import read_search
    from bench.tuning.storage import check_url

    search = read_search(arguments.tune)
    if arguments.storage:
        check_url(arguments.storage)
    if arguments.trials is not None and arguments.trials < 1:
        raise UserError(f"trials={arguments.trials}: a search has trials.", "Give 1 or more.")
    if arguments.workers is not None:
        rest = [*rest, f"launcher.workers={arguments.workers}"]
    again = shlex.join(["python", "-m", "bench.tune", *argv])
    return tune(search, rest, arguments, again)


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """This command's own arguments, and those that compose the configuration.

    Raises:
        UserError: A key that is neither; names the nearest.
    """
    own, rest = [], []
    for word in argv:
        key = word.removeprefix("--").partition("=")[0]
        if word.startswith("-") or key in OWN:
            own.append(word)
            continue
        if "=" in word and "." not in key and key not in keys(Config) and key[:1] not in "+~":
            from bench.config.groups import GROUPS

            raise UserError(f"{key}: there is no such key.", nearest(key, {*OWN, *GROUPS, *keys(Config)}))
        rest.append(word)
    return own, rest


def tune(search: "Search", rest: list[str], arguments: Arguments, again: str) -> int:
    """The command, as a function.

    Args:
        search: What is searched.
        rest: `key=value` arguments of every trial's configuration.
        arguments: This command's own.
        again: The command that goes on.

    Returns:
        Exit code: 0 done, 1 trials failed or none finished.

    Raises:
        UserError: The request is wrong; nothing was started.
    """
    from bench.config.compose import configuration
    from bench.run import mirrored
    from bench.tuning.launch import LAUNCHERS
    from bench.tuning.result import summary, write_result
    from bench.tuning.trials import start

    overrides = [*search.overrides, *rest]
    config = configuration(overrides)
    check_request(search, config, rest)
    check_space(search, overrides)
    name = config.name or Path(search.source).stem
    trials = arguments.trials or search.trials
    if config.dry_run:
        print(plan_in_words(search, name, trials))
        return 0
    request = {"trials": trials, "storage": arguments.storage, "command": again}
    tuning = start(Store(config.store), name, search, overrides, **request)
    tuning.begin()
    code = LAUNCHERS[config.launcher.name](tuning, config)
    if code is None:  # jobs go on without this process
        print(
            f"follow: python -m bench.status ablation=tune-{name}   result so far: the same command",
            file=sys.stderr,
        )
    result = write_result(tuning)
    print(json.dumps(result.as_dict(), indent=1) if arguments.json else summary(result))
    if config.tracking.enabled:
        print(mirrored(tuning.store, f"tune-{name}", config.tracking.uri), file=sys.stderr)
    if code is None:
        return 0
    return code if result.best else 1


def check_request(search: "Search", config: Config, rest: list[str]) -> None:
    """Refuses what a search cannot mean.

    Raises:
        UserError: The test split, a study, several seeds or processes, or a searched key on the command line.
    """
    from bench.config.request import Request

    if config.protocol.select == Split.test:
        raise UserError(
            "protocol.select=test: a search never sees the test split.",
            "Leave it out: epochs are chosen on val.",
        )
    if config.ablation is not None:
        raise UserError(
            f"ablation={config.ablation}: a search trains one model, not a study.",
            "Choose it with model=NAME.",
        )
    if len(config.seeds) > 1:
        raise UserError(
            f"seeds={config.seeds}: a trial is trained with one seed.",
            "Give one, and run the recipe that is found with several.",
        )
    if config.launcher.processes > 1:
        raise UserError(
            f"launcher.processes={config.launcher.processes}: a trial is trained by one process.",
            "Give workers= instead: as many trials are trained at once.",
        )
    for key in Request.parse(rest).keys:
        if key in search.space:
            raise UserError(
                f"{key} is given, but {search.source} searches it.",
                "Leave it out here, or out of the space.",
            )


def check_space(search: "Search", overrides: list[str]) -> None:
    """Tries the ends of every range and every choice before anything is trained.

    Raises:
        UserError: A value that cannot be used, or a key that changes nothing in this model.
    """
    from bench.tuning.trials import prepare_trials

    trials = {
        f"{key}={value}": {key: value} for key, dimension in search.space.items() for value in dimension.ends
    }
    cells = {cell.row: cell.id for cell in prepare_trials(search.source, overrides, trials).cells}
    for key, dimension in search.space.items():
        if len({cells[f"{key}={value}"] for value in dimension.ends}) < len(dimension.ends):
            raise UserError(
                f"{search.source}, space: {key}: this model does not depend on it.",
                "Take it out of the space, or choose another model.",
            )


def plan_in_words(search: "Search", name: str, trials: int) -> str:
    """What `dry_run=true` prints."""
    lines = [f"{name}: {search.title}"]
    lines += [f"  {key:<26} {dimension}" for key, dimension in search.space.items()]
    lines.append(f"{trials} trials, chosen by {search.sampler.name}, given up by {search.pruner.name}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
