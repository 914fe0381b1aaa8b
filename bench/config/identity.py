"""What can change a cell's score, and nothing else, under one name.

A cell's id is the first 12 hex digits of its identity's sha256, so that two studies that share a cell share its result.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from bench.config.choices import (
    Decoupler,
    EncoderKind,
    Fusion,
    Neck,
    PhraseWords,
    Precision,
    Stretch,
    WordNorm,
)
from bench.config.schema import Config, EncoderConfig, named_weights

VERSION = 3  # raised when a change of this code changes scores: every cell is then trained anew
# These four tell nothing apart since VERSION 3, before which each was added. They stay until it is raised again: an id
# is the hash of all keys, so that without them every cell which has one would have another id and be trained anew.
# raised when what decoupler=nltk marks changes: only cells that read its marks are trained anew
NLTK_MARKS = 2
# the same for black boxes (bench/data/augment.py): only cells that have some are trained anew
BOXES_VERSION = 2
# the same for what LGCE's neck has decayed (bench/training/train.py): only cells with that neck are trained anew
LGCE_VERSION = 2
# the same for text encoders of which nothing trains (fianet/text.py): they have no dropout any more
FROZEN_VERSION = 2
ALIGNMENTS = (Fusion.fiam, Fusion.fiam_direct)
# keys of the image encoder that came later, with what every cell had before
LATER = {key: getattr(EncoderConfig(), key) for key in ("kind", "name", "trained_stages", "freeze_norm")}
UNREAD = {
    EncoderKind.swin: ("freeze_norm",),  # it has no batch norm
    EncoderKind.timm: ("embed_dim", "depths", "heads", "window"),
}


def identity(
    config: Config,
    seed: int,
    data_fingerprint: str,
    weights: Callable[[str | None], str],
    encoder_weights: Callable[[str], str] | None = None,
    also: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Everything that can change the cell's score, and nothing else, with defaults written out.

    Sizes of modules that fill no slot are left out, and so is the model's name: LAVT and FIANet without FIAM and TMEM
    are one cell where their recipes agree.

    Args:
        config: The cell's configuration.
        seed: Seed of the weights and of the order of the data.
        data_fingerprint: Content of the data set (`bench.data.fingerprint`).
        weights: From `model.text.pretrained` (hub id or path) to what identifies its content; None stands for the
            shipped vocabulary, whose line numbers are what a model trained with it knows of words.
        encoder_weights: The same of `model.encoder.pretrained` (file or timm name); None: as `weights`.
        also: Name to content of the sets that are scored besides; None or empty: there are none.
    """
    further = {"also": dict(also)} if also else {}
    if config.weights is not None:
        return _scored_only(config, data_fingerprint, weights) | further
    model, protocol = asdict(config.model), asdict(config.protocol)
    del protocol["also"]
    if config.model.plugin is None:  # another package's builder may read any key
        if model["fusion"] not in ALIGNMENTS:  # nothing else reads object and position words
            del model["fiam"], protocol["decoupler"]
        else:
            model["fiam"]["coordinates"] &= config.model.fiam.position  # nothing else reads them
            if config.model.fiam.norm == WordNorm.positions and not model["fiam"]["coordinates"]:
                del model["fiam"]["norm"], model["fiam"]["coordinates"]  # as before these keys
        if "fiam" not in model or not (config.model.fiam.object or config.model.fiam.position):
            model["text"]["phrases"] = PhraseWords.masked  # there is no phrase but the context
        if model["neck"] not in (Neck.tmem, Neck.tmem_residual, Neck.tmem_blind):
            del model["tmem"]
        if model["fusion"] == Fusion.none:
            del model["fusion_heads"], model["fusion_dropout"]
        for key in UNREAD[config.model.encoder.kind]:
            del model["encoder"][key]
        del model["name"], model["plugin"]
    recipe = asdict(config.recipe)
    del recipe["checkpointing"]  # changes no number
    if not config.recipe.compile:  # as before this key
        del recipe["compile"]
    protocol |= _marks(protocol.get("decoupler"))
    if config.recipe.accumulate == 1:  # a batch in one part, as before this key
        del recipe["accumulate"]
    if config.recipe.erase > 0:
        recipe["boxes"] = BOXES_VERSION
    if config.model.neck == Neck.lgce and not config.model.plugin:
        recipe["decay"] = LGCE_VERSION
    if config.recipe.precision == Precision.float32:  # as before this key
        del recipe["precision"]
    del model["published"]
    if model["text"]["phrases"] == PhraseWords.masked:  # as before this key
        del model["text"]["phrases"]
    model["text"]["pretrained"] = weights(named_weights(config.model.text.pretrained))
    model["encoder"] = as_before(model["encoder"])
    encoder = named_weights(config.model.encoder.pretrained)
    if not (config.model.text.trained_layers or config.model.text.train_embeddings or config.model.plugin):
        model["text"]["frozen"] = FROZEN_VERSION
    model["encoder"]["pretrained"] = None if encoder is None else (encoder_weights or weights)(encoder)
    return {
        "version": VERSION,
        "seed": seed,
        "data": _data(config, data_fingerprint),
        "model": model,
        "recipe": recipe,
        "protocol": protocol,
    } | further


def as_before(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """An encoder's keys without those that stand where they stood before there were such keys."""
    return {key: value for key, value in encoder.items() if key not in LATER or value != LATER[key]}


def _data(config: Config, fingerprint: str) -> dict[str, Any]:
    """What is read: a key that stands at its default is left out, as before there was such a key."""
    data = config.data
    stretch = {} if data.stretch == Stretch.percentile else {"stretch": data.stretch}
    bands = {"bands": list(data.bands)} if data.bands else {}
    known = {"fingerprint": fingerprint, "max_tokens": data.max_tokens}
    return {**known, **stretch, **bands, **_part(config)}


def _part(config: Config) -> dict[str, Any]:
    """How much of the training split is used; nothing where all of it is, or where nothing is trained."""
    data = config.data
    if config.weights is not None or data.fraction == 1:
        return {}
    asked = {"limit": data.limit, "fraction": data.fraction}
    return {key: value for key, value in asked.items() if value is not None}


def _scored_only(
    config: Config, data_fingerprint: str, weights: Callable[[str | None], str]
) -> dict[str, Any]:
    """Identity of weights that are scored without training: no seed, of the recipe only image size and precision."""
    precision = config.recipe.precision
    return {
        "version": VERSION,
        "data": _data(config, data_fingerprint),
        "weights": weights(config.weights),
        "vocabulary": weights(named_weights(config.model.text.pretrained)),
        "fusion_heads": list(config.model.fusion_heads),
        "size": config.recipe.size,
        "protocol": {
            "size": config.protocol.size,
            "decoupler": config.protocol.decoupler,
            **_marks(config.protocol.decoupler),
        },
    } | ({} if precision == Precision.float32 else {"precision": precision})


def _marks(decoupler: Decoupler | None) -> dict[str, int]:
    """Which of the ways that `decoupler=nltk` has marked sentences; the others have always been what they are."""
    return {"marks": NLTK_MARKS} if decoupler == Decoupler.nltk else {}


def canonical(value: Any) -> str:
    """JSON with one spelling: keys sorted, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def cell_id(identity: dict[str, Any]) -> str:
    """First 12 hex digits of the sha256 of the identity's canonical JSON."""
    return hashlib.sha256(canonical(identity).encode()).hexdigest()[:12]
