"""`python -m bench.profile`: what the rows of a study cost: parameters, operations, latency, throughput, memory."""

import json
import sys
from dataclasses import dataclass, field

from rich.console import Console

from bench.config.compose import compose
from bench.config.request import KEYS, Request
from bench.profiling.profile import profile
from bench.profiling.tables import Profiled, show
from bench.storage.store import Store
from bench.study.definition import named_study
from bench.study.prepare import compose_rows
from bench.terminal.arguments import divide, parse
from bench.terminal.errors import UserError, command

USAGE = """
Counts and measures every model of a study. Nothing is trained, and neither data nor pretrained weights are needed.

  python -m bench.profile model=fianet
  python -m bench.profile ablation=fiam scale=paper data=rrsisd 'batch_sizes=[1,8]'
  python -m bench.profile ablation=main scale=paper latency=false     parameters and operations alone: seconds

Published "GFLOPs" of these models are multiply-accumulates: compare them with GMACs; GFLOPs here are twice that.

keys: 'batch_sizes=[1,8]'  images per forward pass, each measured by itself
      latency=false      count only, measure nothing
      seconds=10         timed per model and batch size, after a warm-up
      launcher.threads=N CPU threads (none: all)
      --json             everything measured, for scripts
      and every key of bench.run that makes the models: ablation= model= data= scale= recipe.size= store= ...
keeps results in STORE/profiles/, one folder an architecture, one file a kind of machine; tables take them from there
exit codes: 0 done, 2 the request is wrong
"""


@dataclass
class Arguments:
    """The keys of `python -m bench.profile` that are no configuration."""

    batch_sizes: list[int] = field(default_factory=lambda: [1, 8])
    latency: bool = True
    seconds: float = 10.0
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    own, overrides = divide(argv, Arguments, KEYS)
    arguments = parse(own, Arguments, USAGE)
    if not arguments.batch_sizes or min(arguments.batch_sizes) < 1:
        raise UserError(
            f"batch_sizes={arguments.batch_sizes}: a pass has images.", "For example 'batch_sizes=[1,8]'."
        )
    profiled = profile_study(overrides, arguments)
    if arguments.json:
        print(json.dumps([each.as_dict() for each in profiled]))
    else:
        show(profiled, Console(width=None if sys.stdout.isatty() else 160))
    return 0


def profile_study(overrides: list[str], arguments: Arguments) -> list[Profiled]:
    """Counts, measures and stores the rows of a study; `overrides` are those of `bench.run`."""
    request = Request.parse(overrides)
    config = compose(request)
    study = named_study(config, request)
    labels = {row.key: row.label for row in study.rows}
    rows = compose_rows(study, config, request).items()
    return profile(
        [(labels[row], dataset, each) for (row, dataset), each in rows],
        Store(config.store),
        arguments.batch_sizes,
        arguments.seconds if arguments.latency else None,
    )


if __name__ == "__main__":
    sys.exit(main())
