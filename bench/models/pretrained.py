"""Where pretrained weights lie, and what identifies their content. Imports no torch."""

import hashlib
import json
from functools import cache
from pathlib import Path

import safetensors

from bench.storage import files
from bench.terminal.errors import UserError

FILES = ("config.json", "model.safetensors", "tokenizer.json", "vocab.txt")


def locate(pretrained: str) -> Path:
    """The folder or file of pretrained weights.

    Args:
        pretrained: A folder, a file, or a hub id such as `bert-base-uncased`.

    Raises:
        UserError: Neither on disk nor in the hub's cache, and the hub cannot be reached.
    """
    path = Path(pretrained)
    if path.exists():
        return path
    from huggingface_hub import snapshot_download

    for offline in (True, False):  # the cache first: no round trip to the hub for what is here
        try:
            return Path(snapshot_download(pretrained, allow_patterns=list(FILES), local_files_only=offline))
        except Exception as error:  # the hub's client raises a dozen kinds for "cannot have it"
            last = error
    raise UserError(
        f"model.text.pretrained={pretrained}: neither a folder here nor to be had from the hub "
        f"({type(last).__name__}).",
        f"Pass model.text.pretrained=DIR, a folder with {', '.join(FILES)}, or use scale=tiny, which needs none.",
    )


@cache
def weights_digest(pretrained: str) -> str:
    """What identifies pretrained weights wherever they lie: sha256 over their files, first 16 hex digits."""
    found = locate(pretrained)
    paths = [found] if found.is_file() else [found / name for name in FILES if (found / name).is_file()]
    if not paths:
        raise UserError(
            f"{pretrained}: the folder holds none of {', '.join(FILES)}.", "Pass the folder that does."
        )
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(path.suffix.encode() + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def image_size(weights: Path) -> int | None:
    """Side of the images that exported or imported weights are made for; None where the file does not say.

    Args:
        weights: What `weights=` names.
    """
    try:
        if weights.suffix == ".safetensors":
            with safetensors.safe_open(weights, framework="numpy") as file:
                said = json.loads((file.metadata() or {}).get("config.json", "null"))
        else:
            said = files.read_json(weights / "config.json")
    except (safetensors.SafetensorError, OSError, ValueError):
        return None  # loading it says what is wrong
    return said.get("size") if isinstance(said, dict) else None
