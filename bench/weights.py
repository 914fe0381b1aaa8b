"""`python -m bench.weights`: weights in (published checkpoints) and out (a cell's best model)."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.storage.store import Store
from bench.terminal.arguments import parse, positional
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

if TYPE_CHECKING:
    from torch import nn

USAGE = """
Weights in: a published LAVT, LGCE, RMSIN or FIANet checkpoint as one safetensors file that this project reads.
Nothing in the checkpoint is executed.

  python -m bench.weights import lavt.pth lavt.safetensors vocabulary=bert-base-uncased
  keys: file=FILE out=FILE (the two paths above)
        vocabulary=DIR              folder or hub id of its tokenizer, kept in the file; without it prediction asks
        'fusion_heads=[1,1,1,1]'    attention heads of each stage's fusion: they leave no trace in the weights
        size=480  max_tokens=22     side of the images and word pieces of a sentence it was trained with

Weights out: the best model of a finished cell, with its sizes and vocabulary, for bench.predict or other programs.

  python -m bench.weights export cell=0123456789ab out=exported
  python -m bench.weights export cell=0123456789ab out=exported format=onnx
  keys: cell=ID store=runs out=DIR (or out=FILE.safetensors)
        format=safetensors|torch_export|onnx   also model.pt2 or model.onnx, checked to give the same logits to 1e-4;
                                               for one image and one sentence a call
  A folder also gets README.md, a model card for the Hugging Face hub: scores, recipe, limits. One that is there for
  the same cell is kept as you edited it. Nothing is sent anywhere; the command that would is printed (publish).

json=false (either): print what was found and written for scripts
exit codes: 0 done, 2 the request or a file is wrong
"""


@dataclass
class ImportOptions:
    """What `import` takes."""

    file: str = path("")
    out: str = path("")
    vocabulary: str | None = path(None)
    fusion_heads: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    size: int = 480
    max_tokens: int = 22
    json: bool = False


@dataclass
class ExportOptions:
    """What `export` takes."""

    cell: str = ""
    store: str = path("runs")
    out: str = path("")
    format: str = "safetensors"
    json: bool = False


def load_reference(
    path: str | Path, fusion_heads: Sequence[int] = (1, 1, 1, 1), size: int = 480
) -> "nn.Module":
    """A published checkpoint as a model in eval mode; see `bench.models.released.load_reference`."""
    from bench.models import released

    return released.load_reference(path, fusion_heads, size)


def load(path: str | Path) -> "nn.Module":
    """A model in eval mode from the folder or file that `export` or `import` wrote; see `load_bundle`."""
    from bench.models.bundle import load_bundle

    return load_bundle(path).model


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request or a file is wrong."""
    if not argv or {"-h", "--help"} & set(argv):
        print(USAGE.strip())
        return 0 if argv else 2
    if argv[0] == "export":
        wanted = parse(argv[1:], ExportOptions, USAGE)
        _require(wanted, "cell", "out")
        from bench.models.export import export_cell

        said = export_cell(Store(wanted.store), wanted.cell, Path(wanted.out), wanted.format)
        return _say(said, wanted.json)
    given = parse(_named(argv[1:] if argv[0] == "import" else argv), ImportOptions, USAGE)
    _require(given, "file", "out")
    from bench.models.import_released import import_released

    model = (given.fusion_heads, given.size, given.max_tokens)
    return _say(import_released(given.file, Path(given.out), given.vocabulary, *model), given.json)


def _named(words: list[str]) -> list[str]:
    """The two paths of `import` with their keys."""
    paths, others = positional(words)
    if len(paths) > 2 or (len(paths) == 1 and not any(word.startswith("out=") for word in words)):
        raise UserError(
            f"{' '.join(paths)}: two paths are needed, the checkpoint and what to write.",
            "For example: python -m bench.weights import lavt.pth lavt.safetensors",
        )
    return [f"{key}={path}" for key, path in zip(("file", "out"), paths, strict=False)] + others


def _require(options: Any, *keys: str) -> None:
    for key in keys:
        if not getattr(options, key):
            raise UserError(f"{key}= is missing.", "See `python -m bench.weights --help`.")


def _say(said: dict[str, str], as_json: bool) -> int:
    if as_json:
        print(json.dumps(said))
    else:
        print("\n".join(f"{key:<11} {value}" for key, value in said.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
