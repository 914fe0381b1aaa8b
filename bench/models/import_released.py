"""A published checkpoint as a bundle, and what was recognised in it, in words."""

from collections.abc import Sequence
from pathlib import Path

from bench.models.bundle import Bundle, save_bundle
from bench.models.pretrained import checked_sha256, locate_text
from bench.models.read_weights import listing, read_checkpoint
from bench.models.released import read_released
from bench.models.vocabulary import fitting_tokenizer, vocabulary_text


def import_released(
    file: str, out: Path, vocabulary: str | None, fusion_heads: Sequence[int], size: int, max_tokens: int
) -> dict[str, str]:
    """Recognises a published checkpoint and writes it as a bundle. Nothing in it is executed.

    Args:
        file: The checkpoint.
        out: The bundle: a folder, or a file that ends in `.safetensors`.
        vocabulary: Folder or hub id of its tokenizer; None: the bundle holds none.
        fusion_heads: Attention heads of each stage's fusion; they leave no trace in the weights.
        size: Side of the images it was trained with, in pixels.
        max_tokens: Word pieces of a sentence it was trained with.

    Returns:
        What it is and what was written: a line of text by subject.

    Raises:
        UserError: Unreadable or unsafe file, unknown model, weights or vocabulary that do not belong to it.
    """
    checkpoint = read_checkpoint(file)
    checked_sha256(Path(file))
    released = read_released(checkpoint, file, fusion_heads, size)
    carried = {}
    if vocabulary:
        folder = locate_text(vocabulary, weights=False)
        fitting_tokenizer(str(folder), released.vocab_size, file)
        carried = vocabulary_text(folder)
    bundle = Bundle(
        released.model, released.config, released.vocab_size, size, max_tokens, carried, Path(file).name
    )
    config, encoder, text = released.config, released.config.encoder, released.config.text
    parameters = sum(parameter.numel() for parameter in released.model.parameters())
    said = {
        "file": f"{file}, weights {checkpoint.layout}",
        "model": f"{config.name} (fusion {config.fusion}, neck {config.neck}, decoder {config.decoder})",
        "encoder": f"{encoder.embed_dim} channels, depths {encoder.depths}, "
        f"heads {encoder.heads}, window {encoder.window}",
        "text": f"{text.layers} layers of width {text.width}, {released.vocab_size} word pieces",
        "parameters": f"{parameters:,} in {len(released.model.state_dict())} arrays",
        "ignored": _ignored(released.unused, checkpoint.beside),
        "written": ", ".join(map(str, save_bundle(bundle, out))),
    }
    if not carried:
        said["vocabulary"] = "none in it: pass vocabulary=DIR here or to bench.predict"
    return said


def _ignored(unused: list[str], beside: tuple[str, ...]) -> str:
    parts = [f"{len(unused)} weights no forward pass uses: {listing(unused, 4)}"] if unused else []
    parts += [f"stored beside the weights: {listing(beside, 8)}"] if beside else []
    return "; ".join(parts) or "nothing"
