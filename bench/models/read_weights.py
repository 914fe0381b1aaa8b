"""Files of weights, read safely: nothing in them is executed, and they hold plain arrays or are refused."""

import argparse
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from bench.storage.files import size
from bench.terminal.errors import UserError

State = dict[str, Tensor]

PARTS = ("model", "bert_model")  # where checkpoints keep weights; LAVT's release in both
# where other programs keep them, the first that is there
WRAPPERS = ("model_state_dict", "state_dict", "ema", "model_ema", "ema_state_dict", "module")
WRAPPED = re.compile(
    r"(?:(?<=\.)|^)(?:(?:module|_orig_mod)\.)+"
)  # by DataParallel, torch.compile, averaged models
# numbers that training codes keep beside the weights: NumPy's, by the names of its versions
SCALARS: list[Any] = [
    np.dtype,
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *(type(np.dtype(kind)) for kind in ("?", "i1", "u1", "i2", "i4", "i8", "u4", "u8", "f2", "f4", "f8")),
]


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file, names without what wrapped the model; how they were stored, and what lay beside them."""

    state: State
    layout: str
    beside: tuple[str, ...]


def read_state(path: str | Path) -> State:
    """The state dict in a `.pth` or `.safetensors` file, without `module.` and `_orig_mod.` in its names.

    Raises:
        UserError: As `read_checkpoint`.
    """
    return read_checkpoint(path).state


def read_encoder_state(path: Path, pretrained: str) -> State:
    """The state dict of pretrained weights of an image encoder.

    Args:
        path: Their file.
        pretrained: What `model.encoder.pretrained` says, for messages.

    Raises:
        UserError: As `read_checkpoint`.
    """
    try:
        return read_state(path)
    except UserError as error:
        unprefixed = error.what.removeprefix(f"{path}: ")
        raise UserError(f"model.encoder.pretrained={pretrained}: {unprefixed}", error.remedy) from error


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads a `.pth` or `.safetensors` file. No code in it runs.

    Raises:
        UserError: No such file, not a PyTorch file, or one that would run code when loaded.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file.", "Pass the path of a .pth checkpoint.")
    if str(path).endswith(".safetensors"):
        return Checkpoint(_unwrapped(read_safetensors(path)[0], path), "safetensors", ())
    _refuse_packed(Path(path))
    try:
        # published files keep their options under `args`
        with torch.serialization.safe_globals([argparse.Namespace, *SCALARS]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about pickles it did not write itself
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of damaged files raises nearly anything
        raise UserError(
            f"{path}: not a PyTorch checkpoint that can be read safely ({_why_unreadable(error)}).",
            "Nothing in it was executed. Pass a whole file of tensors, saved by torch.save(model.state_dict(), FILE).",
        ) from error
    if not isinstance(content, Mapping):
        raise UserError(
            f"{path}: holds one {type(content).__name__}, not weights by their names.",
            "Pass a state dict, plain or under `model`: torch.save(model.state_dict(), FILE).",
        )
    entries = content
    beside: list[str] = []
    if "model" in entries:
        parts = [part for part in PARTS if part in entries]
        layout = "under " + " and ".join(f"`{part}`" for part in parts)
        beside = [str(key) for key in entries if key not in parts]
        words = _unwrapped(entries.get("bert_model", {}), path)
        inner = entries["model"]
        state = _unwrapped(inner, path)
        state |= {f"text_encoder.{key}": value for key, value in words.items()}
    else:
        inner, under = _innermost(entries)
        layout = "under " + " in ".join(f"`{key}`" for key in reversed(under)) if under else "plain"
        numbers = {} if under else {key: value for key, value in inner.items() if _is_number(value)}
        beside = [str(key) for key in (entries if under else numbers) if key not in under[:1]]
        state = _unwrapped({key: value for key, value in inner.items() if key not in numbers}, path)
    if isinstance(inner, Mapping):
        kinds = [word for word in ("module.", "_orig_mod.") if any(_wraps(word, key) for key in inner)]
        layout += f", {' and '.join(kinds)} prefixes" if kinds else ""
    return Checkpoint(state, layout, tuple(beside))


def _refuse_packed(path: Path) -> None:
    """Refuses an archive that grows when it is read: torch writes its own unpacked, and would unpack this in memory.

    Raises:
        UserError: It does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (OSError, zipfile.BadZipFile):  # no archive, or a damaged one: reading it says so
        return
    if unpacked > 2 * path.stat().st_size:
        raise UserError(
            f"{path}: not a PyTorch checkpoint that can be read safely ({size(path.stat().st_size)} that unpack to "
            f"{size(unpacked)}).",
            "Nothing in it was executed. Pass a whole file of tensors, saved by torch.save(model.state_dict(), FILE).",
        )


def _innermost(entries: Mapping[Any, Any]) -> tuple[Mapping[Any, Any], list[str]]:
    """The mapping of weights within its wrappers, and their keys from the outside in."""
    under: list[str] = []
    while not any(isinstance(value, Tensor) for value in entries.values()) and len(under) < len(WRAPPERS):
        key = next((each for each in WRAPPERS if isinstance(entries.get(each), Mapping)), None)
        if key is None:
            break
        under.append(key)
        entries = entries[key]
    return entries, under


def _is_number(value: object) -> bool:
    """Whether something beside weights is a plain value, such as an epoch or a score."""
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def _wraps(word: str, key: object) -> bool:
    return any(word in found for found in WRAPPED.findall(str(key)))


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


def _unwrapped(weights: object, path: str | Path) -> State:
    """The weights under the names of the model itself, once it is sure that they are nothing else."""
    named: Mapping[str, object] = weights if isinstance(weights, Mapping) else {"the whole": weights}
    tensors: State = {}
    for key, value in named.items():
        if not isinstance(value, Tensor):
            continue
        name = WRAPPED.sub("", str(key))
        if name in tensors:
            raise UserError(
                f"{path}: two weights are {name} (one is {key}).", "Pass a state dict of one model."
            )
        tensors[name] = value
    if len(tensors) < len(named):
        others = [str(key) for key, value in named.items() if not isinstance(value, Tensor)]
        raise UserError(
            f"{path}: not tensors: {listing(others)}.",
            "Pass a state dict, plain or under `model`: torch.save(model.state_dict(), FILE).",
        )
    return plain_arrays(tensors, path)


def plain_arrays(state: State, path: str | Path) -> State:
    """The same weights, once it is sure that they are dense, finite, and all the numbers they claim to have are stored.

    Raises:
        UserError: Sparse or quantised ones, a large shape around a few bytes, or numbers with which nothing is found.
    """
    if odd := [key for key, value in state.items() if not _plain(value)]:
        raise UserError(
            f"{path}: not plain arrays: {listing(odd)}.", "Pass a state dict of dense, stored tensors."
        )
    if odd := [key for key, value in state.items() if not torch.isfinite(value).all()]:
        raise UserError(
            f"{path}: NaN or infinity is among the numbers of {listing(odd, 3)}.",
            "Did its training diverge? Pass weights of an earlier epoch.",
        )
    return state


def load_into(model: torch.nn.Module, state: State, path: str | Path) -> None:
    """Gives a model its weights, whose names and shapes are known to fit.

    Raises:
        UserError: Whole numbers, or truth values, where the model has fractions: they were rounded on the way.
    """
    fractions = {key for key, value in model.state_dict().items() if value.is_floating_point()}
    if odd := [key for key in state if key in fractions and not state[key].is_floating_point()]:
        raise UserError(
            f"{path}: no fractions, which weights are: {listing(odd, 3)} ({state[odd[0]].dtype}).",
            "Pass a state dict as it was trained.",
        )
    model.load_state_dict(state)


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
