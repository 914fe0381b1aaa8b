"""A cell's best model, made independent of the store, and as a graph that runs without this project's code."""

import contextlib
import io
import json
import logging
import math
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.config.compose import restore
from bench.config.schema import TextConfig, named_weights
from bench.models.build import build_model
from bench.models.bundle import CONFIG, Bundle, load_bundle, refuse_others_files, save_bundle
from bench.models.card import CARD, model_card
from bench.models.inputs import TEXT, normalize
from bench.models.pretrained import locate_text
from bench.models.read_weights import first_line, listing, plain_arrays, read_safetensors
from bench.models.released import outline
from bench.models.vocabulary import vocabulary_text
from bench.storage import files
from bench.storage.cell import Cell
from bench.storage.splits import further_set
from bench.storage.store import Store
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import UserError
from fianet.tokens import SHIPPED, Tokenizer

TOLERANCE = 1e-4  # largest difference of a logit between the graph and the model
INPUTS = ("image", *TEXT)
ONNX_OPSET = 18
Inputs = tuple[Tensor, ...]


class Format(StrEnum):
    """What is written beside the weights: nothing, a torch.export program or an ONNX file."""

    safetensors = "safetensors"
    torch_export = "torch_export"
    onnx = "onnx"


GRAPHS = {Format.torch_export: "model.pt2", Format.onnx: "model.onnx"}


def export_cell(store: Store, cell_id: str, out: Path, format_name: str) -> dict[str, str]:
    """Writes the best model of a cell as a bundle, in a folder with a model card, and a graph if one is asked for.

    Args:
        store: The store.
        cell_id: A finished cell of it.
        out: A folder, or without a graph also a file that ends in `.safetensors`.
        format_name: One of `Format`.

    Returns:
        What was written and checked: a line of text by subject.

    Raises:
        UserError: No such format, no such model (see `from_cell`), or no such graph (see `write_graph`).
    """
    if format_name not in list(Format):
        raise UserError(f"format={format_name}: no such format.", f"Known: {', '.join(Format)}.")
    kind = Format(format_name)
    if kind is not Format.safetensors and out.suffix == ".safetensors":
        raise UserError(f"out={out}: a graph needs a folder beside the weights.", "Pass out=DIR.")
    bundle = from_cell(store, cell_id)
    as_folder = out.suffix != ".safetensors"
    beside = [*GRAPHS.values(), CARD]
    refuse_others_files(out, beside)
    if as_folder and (files.read_json(out / CONFIG) or {}).get("source") != bundle.source:
        for name in beside:  # of another model that was exported here
            (out / name).unlink(missing_ok=True)
    written = save_bundle(bundle, out)
    load_bundle(out)
    said = {"cell": cell_id, "model": bundle.config.name}
    if as_folder:
        card = out / CARD
        if card.exists():
            said["kept"] = f"{card}, as it was: delete it to have it written anew"
        else:
            files.write_text(card, model_card(store.cell(cell_id), bundle))
            written.append(card)
        said["publish"] = shlex.join(["hf", "upload", "USER/NAME", str(out)])
    if kind is not Format.safetensors:
        with _quiet():
            file, worst = write_graph(bundle, kind, out)
        written.append(file)
        said["checked"] = f"logits of {file.name} differ by at most {worst:.1e} from the model's"
    said["written"] = ", ".join(map(str, written))
    predict = command_line("bench.predict", word("weights", out), "image=scene.png", "text=all ships")
    return said | {"next": predict}


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


def from_cell(store: Store, cell_id: str) -> Bundle:
    """The best model of a finished cell.

    Raises:
        UserError: No such cell, not finished, or its weights are gone or not those of its configuration.
    """
    known = {cell.id: cell for cell in store.cells()}
    if cell_id not in known:
        raise UserError(
            f"cell={cell_id}: the store {store.root} holds no such cell.",
            f"It holds: {listing(known, 5) or 'none'}. "
            f"`{command_line('bench.status', *store.words)}` lists them.",
        )
    cell = known[cell_id]
    if not cell.done:
        raise UserError(
            f"cell={cell_id}: is {cell.state()['state']}, only finished cells have a best model.",
            "Run its study again; it goes on where it stopped.",
        )
    config = restore(cell.config())
    if config.weights:
        raise UserError(
            f"cell={cell_id}: scored the imported weights {config.weights}; it has none of its own.",
            "Use those: bench.predict weights=FILE, or `python -m bench.weights import` first.",
        )
    file = cell.checkpoints / "best.safetensors"
    if not file.is_file():
        raise UserError(f"{file}: the weights are gone.", "Delete the cell's folder and run its study again.")
    state = plain_arrays(read_safetensors(file)[0], file)
    pretrained = named_weights(config.model.text.pretrained)
    folder = SHIPPED if pretrained is None else locate_text(pretrained, weights=False)
    embeddings = state.get("text.bert.embeddings.word_embeddings.weight")
    text = replace(config.model.text, pretrained=None)
    if pretrained is not None:
        with contextlib.suppress(UserError) if config.model.plugin else contextlib.nullcontext():
            text = _sizes(folder, text)  # another package may read something else than a BERT there
    encoder = replace(config.model.encoder, pretrained=None)
    model_config = replace(config.model, text=text, encoder=encoder)
    vocab_size = Tokenizer.load(str(folder)).vocab_size if embeddings is None else len(embeddings)
    shapes = outline(model_config, vocab_size, config.recipe.size)
    if {key: value.shape for key, value in state.items()} != shapes:
        raise UserError(
            f"{file}: not the weights of the model in {cell.path / 'cell.json'}.", "Train the cell again."
        )
    model = build_model(model_config, vocab_size, config.recipe.size)
    model.load_state_dict(state)
    return Bundle(
        model.eval(),
        model_config,
        vocab_size,
        config.recipe.size,
        config.data.max_tokens,
        vocabulary_text(folder),
        f"cell {cell_id}",
        config.protocol.decoupler,
        _categories(cell),
        config.data.stretch,
        tuple(config.data.bands),
    )


def _categories(cell: Cell) -> tuple[str, ...]:
    """Classes of the expressions that the cell was scored on, without those of further sets."""
    samples = cell.samples(["split", "category"])
    if samples is None:
        return ()
    return tuple(sorted({name for split, name in samples.itertuples(index=False) if not further_set(split)}))


def _sizes(folder: Path, text: TextConfig) -> TextConfig:
    """The sizes of a pretrained BERT, written out, so that it is not needed any more."""
    values = files.read_json(folder / "config.json") or {}
    kind = values.get("model_type", "bert")
    plain = values.get("hidden_act", "gelu") == "gelu" and values.get("layer_norm_eps", 1e-12) == 1e-12
    if (
        kind != "bert"
        or not plain
        or not {"hidden_size", "num_hidden_layers", "num_attention_heads"} <= values.keys()
    ):
        raise UserError(
            f"{folder}: not a plain BERT (model_type={kind}, hidden_act={values.get('hidden_act')}).",
            "Only plain BERTs can be exported.",
        )
    return replace(
        text,
        width=int(values["hidden_size"]),
        layers=int(values["num_hidden_layers"]),
        heads=int(values["num_attention_heads"]),
    )


def write_graph(bundle: Bundle, kind: Format, folder: Path) -> tuple[Path, float]:
    """Writes the model as a graph for one image and one sentence a call, checked against the model.

    Args:
        bundle: The model.
        kind: Which kind of graph.
        folder: Where `model.pt2` or `model.onnx` goes.

    Returns:
        The file, and the largest difference of a logit on two made-up inputs.

    Raises:
        UserError: The extra for ONNX is missing, the model cannot be traced, or logits differ by more than 1e-4.
    """
    try:
        run, content = _BUILDERS[kind](bundle)
    except UserError:
        raise
    except Exception as error:  # tracing runs whatever code the model has
        raise UserError(
            f"format={kind}: {bundle.config.name} cannot be made a graph of ({first_line(error)}).",
            "Use the safetensors file, which is written and is the model itself.",
        ) from error
    worst = 0.0
    with torch.inference_mode():
        for seed in (1, 2):  # not the input it was traced with
            inputs = example(bundle, seed)
            worst = max(worst, float((run(inputs) - bundle.model(*inputs)).abs().max()))
    if not worst <= TOLERANCE:  # also catches NaN
        raise UserError(
            f"format={kind}: its logits differ from the model's by {worst:.1e}, more than {TOLERANCE:.0e}; "
            "it was not written.",
            "Use the safetensors file, which is written and is the model itself.",
        )
    files.write_bytes(folder / GRAPHS[kind], content)
    return folder / GRAPHS[kind], worst


def example(bundle: Bundle, seed: int) -> Inputs:
    """A made-up image and sentence, as the model takes them."""
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (1, 3, bundle.size, bundle.size), dtype=np.uint8)
    words = math.ceil(bundle.max_tokens / 2) + seed % 2
    ids = np.zeros((1, bundle.max_tokens), np.int64)
    ids[:, :words] = draw.integers(0, bundle.vocab_size, words)
    context, thing, place = (np.zeros_like(ids) for _ in range(3))
    context[:, :words] = thing[:, 1:2] = place[:, 2:words] = 1
    return normalize(torch.from_numpy(pixels)), *(
        torch.from_numpy(row) for row in (ids, context, thing, place)
    )


def _torch_export(bundle: Bundle) -> tuple[Callable[[Inputs], Tensor], bytes]:
    program = torch.export.export(bundle.model, example(bundle, 0))
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"config.json": json.dumps(bundle.description())})
    buffer.seek(0)
    module = torch.export.load(buffer).module()
    return lambda inputs: module(*inputs), buffer.getvalue()


def _onnx(bundle: Bundle) -> tuple[Callable[[Inputs], Tensor], bytes]:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"format=onnx: {error.name} is not installed.",
            "pip install 'fianet-bench[onnx]', or format=torch_export.",
        ) from None
    program = torch.onnx.export(
        bundle.model,
        example(bundle, 0),
        dynamo=True,
        opset_version=ONNX_OPSET,
        input_names=list(INPUTS),
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None
    content = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    taken = [each.name for each in session.get_inputs()]

    def run(inputs: Inputs) -> Tensor:
        feed = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True) if name in taken}
        return torch.from_numpy(session.run(None, feed)[0])

    return run, content


_BUILDERS = {Format.torch_export: _torch_export, Format.onnx: _onnx}
