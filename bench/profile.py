"""`python -m bench.profile`: what the rows of a study cost: parameters, operations, latency, throughput, memory."""

import json
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.config.compose import compose
from bench.config.request import Request
from bench.config.schema import Config
from bench.profiling.tables import Profiled, show
from bench.storage.model_costs import profile_folder, write_counts, write_machine
from bench.storage.store import Store
from bench.study.definition import named_study
from bench.study.prepare import compose_rows
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command

USAGE = """
Counts and measures every model of a study. Nothing is trained, and neither data nor pretrained weights are needed.

  python -m bench.profile model=fianet
  python -m bench.profile ablation=fiam scale=paper data=rrsisd batch_sizes=[1,8]
  python -m bench.profile ablation=main scale=paper latency=false     parameters and operations alone: seconds

Published "GFLOPs" of these models are multiply-accumulates: compare them with GMACs; GFLOPs here are twice that.

keys: batch_sizes=[1,8]  images per forward pass, each measured by itself
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
    own = {each.name for each in fields(Arguments)}
    mine = [word for word in argv if word.startswith("-") or word.partition("=")[0] in own]
    arguments = parse(mine, Arguments, USAGE)
    if not arguments.batch_sizes or min(arguments.batch_sizes) < 1:
        raise UserError(f"batch_sizes={arguments.batch_sizes}: a pass has images.", "For example [1,8].")
    profiled = profile([word for word in argv if word not in mine], arguments)
    if arguments.json:
        print(json.dumps([each.as_dict() for each in profiled]))
    else:
        show(profiled, Console(width=None if sys.stdout.isatty() else 160))
    return 0


def profile(overrides: list[str], arguments: Arguments) -> list[Profiled]:
    """The command, as a function: counts, measures and stores.

    Args:
        overrides: `key=value` arguments of the study, as for `bench.run`.
        arguments: This command's own.

    Raises:
        UserError: The request is wrong, or a row scores imported weights.
    """
    request = Request.parse(overrides)
    config = compose(request)
    study = named_study(config, request)
    configs = compose_rows(study, config, request)
    store, labels = Store(config.store), {row.key: row.label for row in study.rows}
    found: dict[Path, tuple[dict[str, Any], dict[str, Any] | None]] = {}
    profiled = []
    for (row, dataset), each in configs.items():
        if each.weights is not None:
            raise UserError(
                f"weights={each.weights}: the architecture in a file is not profiled.",
                "Name it instead, for example model=fianet scale=paper.",
            )
        folder = profile_folder(store, each)
        if folder not in found:
            print(f"{labels[row]} ({dataset})", file=sys.stderr, flush=True)
            found[folder] = _profile_one(each, folder, arguments)
        profiled.append(Profiled(labels[row], dataset, folder, *found[folder]))
    return profiled


def _profile_one(
    config: Config, folder: Path, arguments: Arguments
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    import torch

    from bench.profiling.counts import count
    from bench.profiling.latency import measure

    counts = count(config)
    write_counts(folder, counts)
    if not arguments.latency:
        return counts, None
    if config.launcher.threads:
        torch.set_num_threads(config.launcher.threads)
    measured = measure(
        config,
        arguments.batch_sizes,
        arguments.seconds,
        report=lambda said: print(f"  {said}", file=sys.stderr, flush=True),
    )
    write_machine(folder, measured)
    return counts, measured


if __name__ == "__main__":
    sys.exit(main())
