"""Where pretrained weights lie, and what identifies their content. No torch, unless timm is asked for a name."""

import difflib
import hashlib
import json
import re
from functools import cache
from pathlib import Path

import safetensors

from bench.models.packaged import installed, or_install
from bench.storage import files
from bench.terminal.errors import UserError
from fianet.tokens import SHIPPED

WEIGHTS, OLD_WEIGHTS = "model.safetensors", "pytorch_model.bin"
FILES = ("config.json", WEIGHTS, "tokenizer.json", "vocab.txt")
# NAME-<8 hex>.pth: torch's convention, the hex begins the content's sha256; eight digits may as well be a date
HASH_IN_NAME = re.compile(r"-(?!(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))([0-9a-f]{8})\.pth$")


def locate_text(pretrained: str, *, weights: bool = True) -> Path:
    """The folder of a pretrained text encoder.

    Args:
        pretrained: A folder, or a hub id such as `bert-base-uncased`.
        weights: Whether they are wanted, or sizes and vocabulary alone.

    Raises:
        UserError: Neither on disk nor in the hub's cache, and the hub cannot be reached.
    """
    path = Path(pretrained)
    if path.exists():
        return path
    if packaged := installed(pretrained):
        return packaged
    from huggingface_hub import snapshot_download

    wanted = [name for name in FILES if weights or name != WEIGHTS]
    # the cache first: no round trip to the hub for what is here; last, repositories that have no safetensors
    for patterns, offline in ((wanted, True), (wanted, False), ([*wanted, OLD_WEIGHTS], False)):
        try:
            folder = Path(snapshot_download(pretrained, allow_patterns=patterns, local_files_only=offline))
        except Exception as error:  # the hub's client raises a dozen kinds for "cannot have it"
            reason = type(error).__name__
            if offline:
                continue
            break
        # a cached folder may hold the vocabulary alone, because nothing else was wanted before
        if not weights or (folder / WEIGHTS).is_file() or (folder / OLD_WEIGHTS).is_file():
            return folder
        reason = f"it holds no {WEIGHTS}"
    raise UserError(
        f"model.text.pretrained={pretrained}: neither a folder here nor to be had from the hub ({reason}).",
        or_install(
            pretrained,
            f"Pass model.text.pretrained=DIR, a folder with {', '.join(FILES)}, or use scale=tiny, which needs none.",
        ),
    )


def locate_encoder(pretrained: str) -> Path:
    """The file of pretrained weights of an image encoder.

    Args:
        pretrained: A file, or the name of a timm model such as `swin_base_patch4_window12_384.ms_in22k`.

    Raises:
        UserError: No such file and no such model, or its weights are not here and cannot be downloaded.
    """
    path = Path(pretrained)
    if path.is_file():
        return path
    if packaged := installed(pretrained):
        return packaged
    what = f"model.encoder.pretrained={pretrained}:"
    remedy = or_install(
        pretrained,
        "Pass model.encoder.pretrained=FILE, such as a .pth of the original Swin release, or a timm name.",
    )
    if path.is_dir():
        raise UserError(f"{what} this is a folder.", "Pass the file of weights in it.")
    if "/" in pretrained or path.suffix in (".pth", ".pt", ".bin", ".safetensors"):
        raise UserError(f"{what} no such file.", remedy)
    import timm

    try:
        known = timm.models.get_pretrained_cfg(pretrained)
    except RuntimeError:  # a model without such weights
        known = None
    if known is None or not (known.hf_hub_id or known.url):
        names = timm.list_models() + timm.list_models(pretrained=True)
        near = difflib.get_close_matches(pretrained, names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UserError(f"{what} no such file and no such timm model with weights.", hint + remedy)
    if known.hf_hub_id:
        repository, _, revision = known.hf_hub_id.partition("@")
        return _from_hub(repository, known.hf_hub_filename or WEIGHTS, revision or None, what, remedy)
    from timm.models._hub import download_cached_file

    try:
        return Path(download_cached_file(known.url))
    except Exception as error:  # network and disk: each library raises its own kinds
        raise UserError(f"{what} {known.url} cannot be had ({type(error).__name__}).", remedy) from error


def _from_hub(repository: str, name: str, revision: str | None, what: str, remedy: str) -> Path:
    from huggingface_hub import hf_hub_download

    for offline in (True, False):
        try:
            return Path(hf_hub_download(repository, name, revision=revision, local_files_only=offline))
        except Exception as error:  # as above
            reason = type(error).__name__
    raise UserError(
        f"{what} {repository} is neither in the hub's cache nor to be had from the hub ({reason}).", remedy
    )


def text_digest(pretrained: str | None) -> str:
    """What identifies the content of a text encoder, or of what `weights=` names, wherever it lies.

    Args:
        pretrained: None: the shipped vocabulary, which models of random weights use.

    Raises:
        UserError: As `locate_text`; or a file that is not what its name says.
    """
    return _digest(SHIPPED if pretrained is None else locate_text(pretrained))


def encoder_digest(pretrained: str) -> str:
    """What identifies the content of an image encoder, wherever it lies.

    Raises:
        UserError: As `locate_encoder`; or a file that is not what its name says.
    """
    return _digest(locate_encoder(pretrained))


def _digest(found: Path) -> str:
    """sha256 over files, first 16 hex digits."""
    names = [*FILES, *([] if (found / WEIGHTS).is_file() else [OLD_WEIGHTS])]
    paths = [found] if found.is_file() else [found / name for name in names if (found / name).is_file()]
    if not paths:
        raise UserError(
            f"{found}: the folder holds none of {', '.join(FILES)}.", "Pass the folder that does."
        )
    total = hashlib.sha256()
    for path in paths:
        total.update(path.suffix.encode() + bytes.fromhex(checked_sha256(path)))
    return total.hexdigest()[:16]


def checked_sha256(path: Path) -> str:
    """The sha256 of a file of weights, once it is sure that it is not another than the one that its name bears.

    Raises:
        UserError: It was cut off or changed on the way.
    """
    status = path.stat()
    found = _sha256(path, status.st_size, status.st_mtime_ns)
    if (said := HASH_IN_NAME.search(path.name)) and not found.startswith(said[1]):
        raise UserError(
            f"{path}: its sha256 begins with {found[:8]}, not with the {said[1]} in its name: "
            "cut off, or changed on the way.",
            "Download or copy it again; a file that you changed yourself needs another name.",
        )
    return found


@cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """Read once a process, and again when it was changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
