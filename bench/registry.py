"""`python -m bench.registry`: what can be named: models, and what fills their slots. Imports no torch."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.groups import options
from bench.models.build import DECODERS, ENCODERS, FUSIONS, NECKS
from bench.terminal.arguments import parse
from bench.terminal.errors import command

USAGE = """
Lists what can be named: models, and what fills their four slots.

  python -m bench.registry
  python -m bench.registry --json

Any mixture is a model: python -m bench.run model=fianet model.neck=cim
A model of another package appears here once its package is installed (entry point group fianet_bench.models).
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.registry`."""

    json: bool = False


def listing() -> dict[str, dict[str, str]]:
    """Every name, by the key that takes it, with one line about it."""
    slots: dict[str, Mapping[Any, Any]] = {
        "model.encoder.kind": ENCODERS,
        "model.fusion": FUSIONS,
        "model.neck": NECKS,
        "model.decoder": DECODERS,
    }
    return {"model": options("model")} | {
        key: {name: (builder.__doc__ or "").rstrip(".") for name, builder in known.items()}
        for key, known in slots.items()
    }


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    found = listing()
    if parse(argv, Arguments, USAGE).json:
        print(json.dumps(found, indent=2))
        return 0
    for key, names in found.items():
        print(f"{key}=")
        width = max(map(len, names))
        print("\n".join(f"  {name:<{width}}  {said}" for name, said in names.items()), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
