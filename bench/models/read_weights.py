"""Files of weights, read safely: nothing in them is executed, and they hold plain arrays or are refused."""

import argparse
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from bench.terminal.errors import UserError

State = dict[str, Tensor]

PARTS = ("model", "bert_model")  # where checkpoints keep weights; LAVT's release in both


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file: names without `module.`, how they were stored, which other entries lay beside them."""

    state: State
    layout: str
    beside: tuple[str, ...]


def read_state(path: str | Path) -> State:
    """The state dict in a `.pth` or `.safetensors` file, without `module.` prefixes.

    Raises:
        UserError: As `read_checkpoint`.
    """
    return read_checkpoint(path).state


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a `.pth` or `.safetensors` file. No code in it runs.

    Raises:
        UserError: No such file, not a PyTorch file, or one that would run code when loaded.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file.", "Pass the path of a .pth checkpoint.")
    if str(path).endswith(".safetensors"):
        return Checkpoint(_unprefixed(read_safetensors(path)[0], path), "safetensors", ())
    try:
        # published files keep their options under `args`
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about pickles it did not write itself
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of damaged files raises nearly anything
        raise UserError(
            f"{path}: not a PyTorch checkpoint that can be read safely ({_why_unreadable(error)}).",
            "Nothing in it was executed. Pass a whole file that holds tensors only.",
        ) from error
    entries = content if isinstance(content, Mapping) else {"": content}
    if "model" not in entries:
        state, layout, beside = _unprefixed(entries, path), "plain", []
    else:
        parts = [part for part in PARTS if part in entries]
        layout = "under " + " and ".join(f"`{part}`" for part in parts)
        beside = [str(key) for key in entries if key not in parts]
        words = _unprefixed(entries.get("bert_model", {}), path)
        state = _unprefixed(entries["model"], path)
        state |= {f"text_encoder.{key}": value for key, value in words.items()}
    inner = entries.get("model", entries)
    if isinstance(inner, Mapping) and any(str(key).startswith("module.") for key in inner):
        layout += ", module. prefixes"
    return Checkpoint(state, layout, tuple(beside))


def _why_unreadable(error: Exception) -> str:
    """In a few words: what torch says is long, and advises to load the file unsafely."""
    if asked := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it asks for {asked[1]}, which is no tensor and could run code"
    if "zip archive" in str(error) or isinstance(error, EOFError):
        return "cut off, or damaged on the way"
    return "it is something else"


def read_safetensors(path: str | Path) -> tuple[State, dict[str, str]]:
    """Weights and metadata of a safetensors file.

    Raises:
        UserError: Damaged, cut off or something else.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return safetensors.torch.load_file(path), metadata
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: not a safetensors file that can be read ({first_line(error)}).",
            "It may have been cut off on the way: copy or download it again.",
        ) from error


def _unprefixed(weights: object, path: str | Path) -> State:
    """The weights without `module.`, once it is sure that they are nothing else."""
    named: Mapping[str, object] = weights if isinstance(weights, Mapping) else {"the whole": weights}
    tensors = {
        str(key).removeprefix("module."): value for key, value in named.items() if isinstance(value, Tensor)
    }
    if len(tensors) < len(named):
        others = [str(key) for key, value in named.items() if not isinstance(value, Tensor)]
        raise UserError(
            f"{path}: not tensors: {listing(others)}.", "Pass a state dict, plain or under `model`."
        )
    return plain_arrays(tensors, path)


def plain_arrays(state: State, path: str | Path) -> State:
    """The same weights, once it is sure that they are dense and all the numbers they claim to have are stored.

    Raises:
        UserError: Sparse or quantised ones, or a large shape around a few bytes.
    """
    if odd := [key for key, value in state.items() if not _plain(value)]:
        raise UserError(
            f"{path}: not plain arrays: {listing(odd)}.", "Pass a state dict of dense, stored tensors."
        )
    return state


def _plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta
    return dense and 0 < tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


def listing(names: Iterable[str], most: int = 20) -> str:
    """The first names, comma separated, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def first_line(error: Exception) -> str:
    """What an error says first, else its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
