"""What a key may name where that is one of a few."""

from enum import StrEnum


class Layout(StrEnum):
    """How a data set lies on disk: docs/data.md shows each."""

    rrsisd = "rrsisd"
    refsegrs = "refsegrs"
    refcoco = "refcoco"  # the `refer` API's folders
    manifest = "manifest"  # one table: CSV, JSONL or Parquet
    coco = "coco"  # instances, of which a referring set in the layout rrsisd is made first


class Stretch(StrEnum):
    """How bands of more than 8 bits become 8, image by image. Images of 8 bits always stay as they are.

    `percentile`: from the 2nd to the 98th; `minmax`: from the least to the greatest; `none`: cut off at 0 and 255.
    """

    percentile = "percentile"
    minmax = "minmax"
    none = "none"


class Split(StrEnum):
    """Which split chooses the epoch; `test` only to reproduce codes that did so."""

    val = "val"
    test = "test"


class EvalSize(StrEnum):
    """`resized`: against the mask resized to the input size (all four papers); `native`: at the image's own size."""

    resized = "resized"
    native = "native"


class LossName(StrEnum):
    """`ce`: cross entropy (LAVT, LGCE); `ce_dice`: 0.9 weighted cross entropy + 0.1 Dice (RMSIN, FIANet).

    `ce_dice_edge`: the same + 0.1 cross entropy of the pixels near the referent's outline (ours).
    """

    ce = "ce"
    ce_dice = "ce_dice"
    ce_dice_edge = "ce_dice_edge"


class DiceReduction(StrEnum):
    """`sum` over batch and classes as published (grows with the batch), or their `mean`."""

    sum = "sum"
    mean = "mean"


class Precision(StrEnum):
    """`float32`; `tf32`: products of float32 numbers as newer GPUs do them faster; `bf16`: under autocast."""

    float32 = "float32"
    tf32 = "tf32"
    bf16 = "bf16"


class Decoupler(StrEnum):
    """How a sentence is split into object and position words."""

    rules = "rules"
    nltk = "nltk"  # as FIANet's code does it (extra [paper])
    context = "context"  # not at all: object and position words are the whole sentence


class EncoderKind(StrEnum):
    """`swin`: Swin Transformer of any size, as in the papers; `timm`: a backbone of timm, by its name."""

    swin = "swin"
    timm = "timm"


class Fusion(StrEnum):
    """What joins words and pixels inside the encoder, after each of its stages."""

    none = "none"
    pwam = "pwam"
    iim = "iim"
    fiam = "fiam"
    fiam_direct = "fiam_direct"  # object and position words reach the decoder's map (ours)


class Neck(StrEnum):
    """What joins the four scales."""

    none = "none"
    lgce = "lgce"
    cim = "cim"
    tmem = "tmem"
    tmem_residual = "tmem_residual"  # TMEM that adds to the maps (ours)
    tmem_blind = "tmem_blind"  # TMEM that reads no words: the control's neck


class Decoder(StrEnum):
    """What turns four maps into logits."""

    simple = "simple"
    rotated = "rotated"
    fine = "fine"  # tells the 16 pixels of a position apart (ours)


class Metric(StrEnum):
    """The score that chooses the epoch."""

    mIoU = "mIoU"
    oIoU = "oIoU"


class LauncherKind(StrEnum):
    """`inline`: this process; `local`: worker processes on this machine; `slurm`: job arrays on a cluster."""

    inline = "inline"
    local = "local"
    slurm = "slurm"


class WordNorm(StrEnum):
    """Over what FIAM normalises the words that a position gathered.

    `positions` as published: what one word alone says is the same everywhere, and is lost; `channels` keeps it (ours).
    """

    positions = "positions"
    channels = "channels"


class PhraseWords(StrEnum):
    """How object and position words are read: `masked`, as if alone (published), or `contextual`: in their sentence."""

    masked = "masked"
    contextual = "contextual"
