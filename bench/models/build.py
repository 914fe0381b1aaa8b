"""What can be named in `model.encoder.kind`, `model.fusion`, `model.neck` and `model.decoder`, and how it is built.

Builders import torch only when called: names can be listed and checked without it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from bench.config import plugins
from bench.config.choices import Decoder, EncoderKind, Fusion, Neck, PhraseWords, WordNorm
from bench.config.schema import REQUIRED, ModelConfig, named_weights
from bench.models.pretrained import locate_text
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from fianet.attention import Norm
    from fianet.fiam import Alignment
    from fianet.segmenter import Segmenter
    from fianet.stages import StagedEncoder
    from fianet.text import Reader

# encoder: (model, height and width of images)
EncoderBuilder = Callable[[ModelConfig, tuple[int, int]], "StagedEncoder"]
# fusion of one stage: (model, channels, width of the word features, attention heads)
FusionBuilder = Callable[[ModelConfig, int, int, int], "Reader"]
# neck over all maps: (model, channels of each map, width of the word features, height and width of images)
NeckBuilder = Callable[[ModelConfig, Sequence[int], int, tuple[int, int]], "Reader"]
# decoder: (channels of each map)
DecoderBuilder = Callable[[Sequence[int]], "nn.Module"]
Name = TypeVar("Name", bound=StrEnum)
Builder = TypeVar("Builder")


def _swin(model: ModelConfig, image: tuple[int, int]) -> StagedEncoder:
    """Swin Transformer (all four papers)."""
    from fianet.swin import SwinEncoder

    sizes = model.encoder
    encoder = SwinEncoder(sizes.embed_dim, sizes.depths, sizes.heads, sizes.window, sizes.drop_path)
    if source := named_weights(sizes.pretrained):
        from bench.models.pretrained_swin import load_swin

        load_swin(encoder, source)
    return encoder


def _timm(model: ModelConfig, image: tuple[int, int]) -> StagedEncoder:
    """A backbone of timm with four stages, model.encoder.name=."""
    from fianet.timm_encoder import TimmEncoder

    name = str(model.encoder.name)
    encoder = TimmEncoder(name, model.encoder.drop_path, image)
    if source := named_weights(model.encoder.pretrained):
        from bench.models.pretrained_timm import load_timm

        load_timm(encoder, name, source)
    return encoder


def _no_fusion(model: ModelConfig, channels: int, words: int, heads: int) -> Reader:
    """None: the encoder reads no words."""
    from fianet.segmenter import NoFusion

    return NoFusion()


def _pwam(model: ModelConfig, channels: int, words: int, heads: int) -> Reader:
    """Pixel-word attention in every stage (LAVT)."""
    from baselines.lavt import PWAMFusion

    return PWAMFusion(channels, words, heads, model.fusion_dropout)


def _iim(model: ModelConfig, channels: int, words: int, heads: int) -> Reader:
    """Intra-scale interaction: local and global pixel-word attention (RMSIN)."""
    from baselines.rmsin import IntraScaleFusion

    return IntraScaleFusion(channels, words, heads, model.fusion_dropout)


def _fiam(model: ModelConfig, channels: int, words: int, heads: int) -> Reader:
    """Fine-grained alignment with context, object and position words (FIANet)."""
    from fianet.fiam import FIAM

    alignment, norm = _alignment(model, channels, words, heads)
    return FIAM(channels, words, heads, model.fusion_dropout, alignment, norm)


def _fiam_direct(model: ModelConfig, channels: int, words: int, heads: int) -> Reader:
    """FIAM whose aligned words also reach the decoder's maps (ours)."""
    from fianet.fiam import DirectFIAM

    alignment, norm = _alignment(model, channels, words, heads)
    return DirectFIAM(channels, words, heads, model.fusion_dropout, alignment, norm)


def _alignment(model: ModelConfig, channels: int, words: int, heads: int) -> tuple[Alignment, Norm]:
    """What FIAM adds to the context, and how it and the context bring what words say to one scale."""
    from fianet import fiam
    from fianet.attention import channel_norm, instance_norm

    norm = channel_norm if model.fiam.norm == WordNorm.channels else instance_norm
    branch = fiam.PlacedBranch if model.fiam.coordinates else fiam.PositionBranch
    match model.fiam.object, model.fiam.position:
        case True, True:
            objects = fiam.ObjectBranch(channels, words, heads, norm)
            return fiam.AddObjectAtPosition(objects, branch(channels, words, heads, norm)), norm
        case True, False:
            return fiam.AddObject(fiam.ObjectBranch(channels, words, heads, norm)), norm
        case False, True:
            return fiam.AddPosition(branch(channels, words, heads, norm)), norm
    return fiam.Alignment(), norm


def _no_neck(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """None: every map goes to the decoder as it is."""
    from fianet.segmenter import NoNeck

    return NoNeck()


def _tmem(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """Text-aware multi-scale enhancement (FIANet)."""
    from fianet.tmem import tmem

    return tmem(channels, words, model.tmem.blocks)


def _tmem_residual(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """TMEM that adds to the maps (ours)."""
    from fianet.tmem import ResidualCrossScale, tmem

    return tmem(channels, words, model.tmem.blocks, ResidualCrossScale)


def _tmem_blind(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """TMEM that reads no words (the control's)."""
    from fianet.tmem import blind_tmem

    return blind_tmem(channels, model.tmem.blocks)


def _lgce(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """The two coarsest maps mixed under a guide token of the sentence (LGCE)."""
    from baselines.lgce import LGCE

    return LGCE(channels, words)


def _cim(model: ModelConfig, channels: Sequence[int], words: int, image: tuple[int, int]) -> Reader:
    """Cross-scale interaction (RMSIN); tied to one image size."""
    from baselines.rmsin import cim

    return cim(channels, image)


def _simple(channels: Sequence[int]) -> nn.Module:
    """3x3 convolutions from coarse to fine (all but RMSIN)."""
    from fianet import decoder

    return decoder.Decoder(channels)


def _fine(channels: Sequence[int]) -> nn.Module:
    """3x3 convolutions as in `simple`, then the pixels of each position told apart (ours)."""
    from fianet import decoder

    return decoder.Decoder(channels, classify=decoder.ClassifyPixels)


def _rotated(channels: Sequence[int]) -> nn.Module:
    """Adaptive rotated convolutions (RMSIN)."""
    from baselines.rotated import RotatedConv
    from fianet import decoder

    return decoder.Decoder(channels, second=RotatedConv)


ENCODERS: dict[EncoderKind, EncoderBuilder] = {EncoderKind.swin: _swin, EncoderKind.timm: _timm}
FUSIONS: dict[Fusion, FusionBuilder] = {
    Fusion.none: _no_fusion,
    Fusion.pwam: _pwam,
    Fusion.iim: _iim,
    Fusion.fiam: _fiam,
    Fusion.fiam_direct: _fiam_direct,
}
NECKS: dict[Neck, NeckBuilder] = {
    Neck.none: _no_neck,
    Neck.lgce: _lgce,
    Neck.cim: _cim,
    Neck.tmem: _tmem,
    Neck.tmem_residual: _tmem_residual,
    Neck.tmem_blind: _tmem_blind,
}
DECODERS: dict[Decoder, DecoderBuilder] = {
    Decoder.simple: _simple,
    Decoder.rotated: _rotated,
    Decoder.fine: _fine,
}


def build_model(model: ModelConfig, vocab_size: int, size: int | tuple[int, int] = 480) -> nn.Module:
    """The model a configuration describes: our segmenter, or what another package registers under its name.

    Args and errors are those of `build`.
    """
    if model.plugin:
        image = (size, size) if isinstance(size, int) else size
        return plugins.load(model.name, model.plugin)(model, vocab_size, image)
    return build(model, vocab_size, size)


def build(model: ModelConfig, vocab_size: int, size: int | tuple[int, int] = 480) -> Segmenter:
    """The segmenter a configuration describes, with random or pretrained weights.

    Parts that two variants share are drawn first, so that with one seed they start from the same weights.

    Args:
        model: Names and sizes.
        vocab_size: Number of word pieces the tokenizer can produce.
        size: Side, or height and width, of the images in pixels; only the neck `cim` is tied to it.

    Raises:
        UserError: Unknown name, sizes that do not fit, or pretrained weights that cannot be loaded.
    """
    fusion = _choose("fusion", model.fusion, FUSIONS)
    neck = _choose("neck", model.neck, NECKS)
    decoder = _choose("decoder", model.decoder, DECODERS)
    try:
        image = (size, size) if isinstance(size, int) else size
        return _assemble(model, vocab_size, image, fusion, neck, decoder)
    except ValueError as error:  # fianet and baselines say what and what to do in two lines
        what, _, remedy = str(error).partition("\n")
        raise UserError(what, remedy) from error


def _assemble(
    model: ModelConfig,
    vocab_size: int,
    image: tuple[int, int],
    fusion: FusionBuilder,
    neck: NeckBuilder,
    decoder: DecoderBuilder,
) -> Segmenter:
    from fianet.segmenter import Segmenter
    from fianet.text import ContextualText, NoText, TextEncoder, freeze_bert, pretrained_bert, random_bert

    for part, pretrained in (("encoder", model.encoder.pretrained), ("text", model.text.pretrained)):
        if pretrained == REQUIRED:
            raise ValueError(f"model.{part}.pretrained: nothing was chosen.\nName weights, or say `random`.")
    encoder = _choose("encoder.kind", model.encoder.kind, ENCODERS)(model, image)
    encoder.freeze(model.encoder.trained_stages, model.encoder.freeze_norm)
    text = model.text
    source = named_weights(text.pretrained)
    bert = (
        pretrained_bert(str(locate_text(source)), vocab_size)
        if source
        else random_bert(vocab_size, text.width, text.layers, text.heads, text.dropout)
    )
    freeze_bert(bert, text.trained_layers, text.train_embeddings)
    words = bert.config.hidden_size
    decoder_module = decoder(encoder.channels)
    if len(model.fusion_heads) != len(encoder.channels):
        raise ValueError(
            f"model.fusion_heads={model.fusion_heads}: one number per stage is needed.\n"
            f"Pass {len(encoder.channels)} numbers."
        )
    fusions = [
        fusion(model, channels, words, heads)
        for channels, heads in zip(encoder.channels, model.fusion_heads, strict=True)
    ]
    neck_module = neck(model, encoder.channels, words, image)
    phrases = neck_module.phrases.union(*(each.phrases for each in fusions))
    reading = ContextualText if text.phrases == PhraseWords.contextual else TextEncoder
    return Segmenter(
        reading(bert, phrases) if phrases else NoText(), encoder, fusions, neck_module, decoder_module
    )


def _choose(slot: str, name: Name, known: Mapping[Name, Builder]) -> Builder:
    """What builds `name`; a configuration made in Python may hold any text."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise UserError(f"model.{slot}={name}: no such {slot}.", f"{hint}Known: {', '.join(known)}.")
