"""`python -m bench.weights`: weights in (published checkpoints) and out (a cell's best model)."""

import contextlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command

if TYPE_CHECKING:
    from torch import nn

USAGE = """
Weights in: a published LAVT, LGCE, RMSIN or FIANet checkpoint as one safetensors file that this project reads.
Nothing in the checkpoint is executed.

  python -m bench.weights import lavt.pth lavt.safetensors vocabulary=bert-base-uncased
  keys: file=FILE out=FILE (the two paths above)
        vocabulary=DIR              folder or hub id of its tokenizer, kept in the file; without it prediction asks
        fusion_heads=[1,1,1,1]      attention heads of each stage's fusion: they leave no trace in the weights
        size=480  max_tokens=22     side of the images and word pieces of a sentence it was trained with

Weights out: the best model of a finished cell, with its sizes and vocabulary, for bench.predict or other programs.

  python -m bench.weights export cell=0123456789ab out=exported
  python -m bench.weights export cell=0123456789ab out=exported format=onnx
  keys: cell=ID store=runs out=DIR (or out=FILE.safetensors)
        format=safetensors|torch_export|onnx   also model.pt2 or model.onnx, checked to give the same logits to 1e-4;
                                               for one image and one sentence a call

json=false (either): print what was found and written for scripts
exit codes: 0 done, 2 the request or a file is wrong
"""


@dataclass
class ImportOptions:
    """What `import` takes."""

    file: str = ""
    out: str = ""
    vocabulary: str | None = None
    fusion_heads: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    size: int = 480
    max_tokens: int = 22
    json: bool = False


@dataclass
class ExportOptions:
    """What `export` takes."""

    cell: str = ""
    store: str = "runs"
    out: str = ""
    format: str = "safetensors"
    json: bool = False


def load_reference(
    path: str | Path, fusion_heads: Sequence[int] = (1, 1, 1, 1), size: int = 480
) -> "nn.Module":
    """A published LAVT, LGCE, RMSIN or FIANet checkpoint as a model in eval mode, all parameters trainable.

    Architecture and sizes are read off the weights. The state dict may be the file itself or under `model`
    (LAVT's two-part release: also `bert_model`), with or without `module.` prefixes. No code in it runs.

    Args:
        path: A `.pth` file.
        fusion_heads: Attention heads of each stage's fusion; they leave no trace in the weights.
        size: Side of the images in pixels; RMSIN's neck is made for one size.

    Raises:
        UserError: Unreadable or unsafe file, unknown model, or weights missing, left over or misshapen.
    """
    from bench.models.read_weights import read_checkpoint
    from bench.models.released import read_released

    return read_released(read_checkpoint(path), path, fusion_heads, size).model


def load(path: str | Path) -> "nn.Module":
    """A model in eval mode from the folder or safetensors file that `export` or `import` wrote.

    Raises:
        UserError: No such thing, another kind of file, cut off, or sizes that are not those of the weights.
    """
    from bench.models.bundle import load_bundle

    return load_bundle(path).model


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request or a file is wrong."""
    if not argv or {"-h", "--help"} & set(argv):
        print(USAGE.strip())
        return 0 if argv else 2
    if argv[0] == "export":
        return export(parse(argv[1:], ExportOptions, USAGE))
    words = argv[1:] if argv[0] == "import" else argv
    return import_released(parse(_named(words), ImportOptions, USAGE))


def _named(words: list[str]) -> list[str]:
    """The two paths of `import` with their keys."""
    paths = [word for word in words if "=" not in word and not word.startswith("--")]
    if len(paths) > 2 or (len(paths) == 1 and not any(word.startswith("out=") for word in words)):
        raise UserError(
            f"{' '.join(paths)}: two paths are needed, the checkpoint and what to write.",
            "For example: python -m bench.weights import lavt.pth lavt.safetensors",
        )
    others = [word for word in words if word not in paths]
    return [f"{key}={path}" for key, path in zip(("file", "out"), paths, strict=False)] + others


def import_released(options: ImportOptions) -> int:
    """Recognises a published checkpoint, says what it is and writes it as a bundle."""
    _require(options, "file", "out")
    from bench.models.bundle import Bundle, save_bundle
    from bench.models.pretrained import locate
    from bench.models.read_weights import read_checkpoint
    from bench.models.released import read_released
    from bench.models.vocabulary import fitting_tokenizer, vocabulary_text

    checkpoint = read_checkpoint(options.file)
    released = read_released(checkpoint, options.file, options.fusion_heads, options.size)
    vocabulary = {}
    if options.vocabulary:
        fitting_tokenizer(options.vocabulary, released.vocab_size, options.file)
        vocabulary = vocabulary_text(locate(options.vocabulary))
    bundle = Bundle(
        released.model,
        released.config,
        released.vocab_size,
        options.size,
        options.max_tokens,
        vocabulary,
        Path(options.file).name,
    )
    config, encoder, text = released.config, released.config.encoder, released.config.text
    parameters = sum(parameter.numel() for parameter in released.model.parameters())
    said = {
        "file": f"{options.file}, weights {checkpoint.layout}",
        "model": f"{config.name} (fusion {config.fusion}, neck {config.neck}, decoder {config.decoder})",
        "encoder": f"{encoder.embed_dim} channels, depths {encoder.depths}, "
        f"heads {encoder.heads}, window {encoder.window}",
        "text": f"{text.layers} layers of width {text.width}, {released.vocab_size} word pieces",
        "parameters": f"{parameters:,} in {len(released.model.state_dict())} arrays",
        "ignored": _ignored(released.unused, checkpoint.beside),
        "written": ", ".join(map(str, save_bundle(bundle, Path(options.out)))),
    }
    if not vocabulary:
        said["vocabulary"] = "none in it: pass vocabulary=DIR here or to bench.predict"
    _say(said, options.json)
    return 0


def _ignored(unused: list[str], beside: tuple[str, ...]) -> str:
    from bench.models.read_weights import listing

    parts = [f"{len(unused)} weights no forward pass uses: {listing(unused, 4)}"] if unused else []
    parts += [f"stored beside the weights: {listing(beside, 8)}"] if beside else []
    return "; ".join(parts) or "nothing"


def export(options: ExportOptions) -> int:
    """Writes the best model of a cell, and a graph of it if one is asked for."""
    _require(options, "cell", "out")
    from bench.models.bundle import CONFIG, load_bundle, save_bundle
    from bench.models.export import GRAPHS, Format, from_cell, write_graph
    from bench.storage import files
    from bench.storage.store import Store

    if options.format not in list(Format):
        raise UserError(f"format={options.format}: no such format.", f"Known: {', '.join(Format)}.")
    kind, out = Format(options.format), Path(options.out)
    if kind is not Format.safetensors and out.suffix == ".safetensors":
        raise UserError(f"out={out}: a graph needs a folder beside the weights.", "Pass out=DIR.")
    bundle = from_cell(Store(options.store), options.cell)
    if (files.read_json(out / CONFIG) or {}).get("source") != bundle.source:
        for name in GRAPHS.values():  # of another model that was exported here
            (out / name).unlink(missing_ok=True)
    written = save_bundle(bundle, out)
    load_bundle(out)
    said = {"cell": options.cell, "model": bundle.config.name}
    if kind is not Format.safetensors:
        with _quiet():
            file, worst = write_graph(bundle, kind, out)
        written.append(file)
        said["checked"] = f"logits of {file.name} differ by at most {worst:.1e} from the model's"
    said["written"] = ", ".join(map(str, written))
    _say(said | {"next": f'python -m bench.predict weights={out} image=scene.png text="..."'}, options.json)
    return 0


def _require(options: Any, *keys: str) -> None:
    for key in keys:
        if not getattr(options, key):
            raise UserError(f"{key}= is missing.", "See `python -m bench.weights --help`.")


def _say(said: dict[str, str], as_json: bool) -> None:
    if as_json:
        print(json.dumps(said))
    else:
        print("\n".join(f"{key:<11} {value}" for key, value in said.items()))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' progress reports and notes to their own developers."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


if __name__ == "__main__":
    sys.exit(main())
