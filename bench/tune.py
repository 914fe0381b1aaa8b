"""`python -m bench.tune`: searches a recipe. Trials are cells; the best becomes a recipe for `bench.run`."""

import json
import sys
from dataclasses import dataclass

from bench.storage.store import Store
from bench.terminal.arguments import divide, parse
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

HELP = """
Searches recipes: every trial is a cell of the store, scored on val, given up early when it is poor.

  python -m bench.tune tune=fianet_lr                        on this machine, one worker a GPU or core
  python -m bench.tune tune=fianet_lr workers=2 trials=64 data=rrsisd data.root=DIR \\
      scale=base model.encoder.pretrained=swin_tiny_patch4_window7_224_22k.pth
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

    tune: str = path("")
    trials: int | None = None
    workers: int | None = None
    storage: str | None = None
    json: bool = False


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
    from bench.config.request import KEYS

    own, rest = divide(argv, Arguments, KEYS)
    arguments = parse(own, Arguments, usage())
    if not arguments.tune:
        raise UserError(
            "tune= is missing.", "For example tune=fianet_lr; `python -m bench.tune --help` lists all."
        )
    from bench.tracking.sync import Mirrored
    from bench.tuning.checks import plan_in_words
    from bench.tuning.result import summary
    from bench.tuning.search import checked, run_search
    from bench.tuning.space import read_search
    from bench.tuning.storage import check_url

    search = read_search(arguments.tune)
    if arguments.storage:
        check_url(arguments.storage)
    if arguments.trials is not None and arguments.trials < 1:
        raise UserError(f"trials={arguments.trials}: a search has trials.", "Give 1 or more.")
    if arguments.workers is not None:
        rest = [*rest, f"launcher.workers={arguments.workers}"]
    request = checked(search, rest)
    config, trials = request.config, arguments.trials or search.trials
    if config.dry_run:
        print(plan_in_words(search, request.name, trials))
        return 0
    again = command_line("bench.tune", *argv)
    result, code = run_search(request, trials=trials, storage=arguments.storage, command=again)
    study = f"tune-{request.name}"
    if code is None:  # jobs go on without this process
        follow = command_line("bench.status", f"ablation={study}", *Store(config.store).words)
        print(f"follow: {follow}\nresult so far: the same command", file=sys.stderr)
    print(json.dumps(result.as_dict(), indent=1) if arguments.json else summary(result))
    if config.tracking.enabled:
        print(Mirrored(Store(config.store), study, config.tracking.uri).said, file=sys.stderr)
    if code is None:
        return 0
    return code if result.best else 1


if __name__ == "__main__":
    sys.exit(main())
