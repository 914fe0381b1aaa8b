"""What can be configured: one typed schema for every key of `experiments/`.

Importing this module costs milliseconds (no torch, no Hydra): the schema is plain dataclasses. `choices` has what a key
may name where that is one of a few; `bench.config.compose` fills the schema from YAML and the command line.
"""

from dataclasses import dataclass, field
from typing import Any

from bench.config.choices import (
    Decoder,
    Decoupler,
    DiceReduction,
    EncoderKind,
    EvalSize,
    Fusion,
    LauncherKind,
    Layout,
    LossName,
    Metric,
    Neck,
    PhraseWords,
    Precision,
    Split,
    Stretch,
    WordNorm,
)
from bench.terminal.paths import path

# what `pretrained` may say beside naming weights
RANDOM = "random"  # start from random weights, said on purpose: where others start from pretrained ones tables say so
REQUIRED = (
    "required"  # nothing was chosen yet, and at this scale something must be: see bench/study/prepare.py
)


def named_weights(pretrained: str | None) -> str | None:
    """The weights that a `pretrained` value names; None where the start is random, said or not, or still open."""
    return None if pretrained in (RANDOM, REQUIRED) else pretrained


@dataclass
class FiamConfig:
    """Which text fragments FIAM uses beside the context, and how."""

    object: bool = True  # object words are read
    position: bool = True  # position words are read
    norm: WordNorm = WordNorm.positions
    coordinates: bool = False  # position words see where each pixel lies (ours)


@dataclass
class TmemConfig:
    """Text-aware multi-scale enhancement: number of attention blocks (1 on RefSegRS, 3 on RRSIS-D)."""

    blocks: int = 3  # 1 on RefSegRS, 3 on RRSIS-D in the paper


@dataclass
class TextConfig:
    """The sentence encoder. `pretrained`: hub id or folder; none, `random`: random weights, the shipped vocabulary."""

    # hub id or folder; none, `random`: random weights, the shipped vocabulary
    pretrained: str | None = path(None)
    width: int = 768  # features of a word; this and the next three: where weights are random
    layers: int = 12  # of attention
    heads: int = 12  # of each layer
    dropout: float = 0.1  # while training
    trained_layers: int = 10  # the first n layers train; the published recipe leaves 10 and 11 as they are
    train_embeddings: bool = False  # whether the embeddings of word pieces train
    phrases: PhraseWords = PhraseWords.masked


@dataclass
class EncoderConfig:
    """The image encoder. `pretrained`: a file or timm name; none, `random`: random weights; `required`: choose."""

    kind: EncoderKind = EncoderKind.swin
    name: str | None = None  # of kind timm: any of its backbones with four stages of stride 4, 8, 16, 32
    # file or timm name; none, `random`: random weights; `required`: must be chosen
    pretrained: str | None = path(None)
    embed_dim: int = 128  # this and the next three: of kind swin
    depths: list[int] = field(default_factory=lambda: [2, 2, 18, 2])  # blocks of each stage
    heads: list[int] = field(default_factory=lambda: [4, 8, 16, 32])  # of attention in each stage
    window: int = 12  # side of a window, in positions
    drop_path: float = 0.3  # stochastic depth of the last block, where there is some
    trained_stages: int = 4  # the last n stages train; the others stay in eval mode too
    freeze_norm: bool = False  # of kind timm: batch norms keep the statistics they start with


@dataclass
class PublishedModel:
    """What the model's own code trains and scores it with; recipes and `protocol=published` refer to it."""

    loss: LossName = LossName.ce_dice
    erase: float = 0.2  # share of training references that get black boxes on RRSIS-D
    # set by the scale: the file of the original Swin release that its models start from; none: they start from nothing
    encoder: str | None = None
    select: Split = Split.val  # which split chooses the epoch
    metric: Metric = Metric.oIoU  # by which score
    decoupler: Decoupler = Decoupler.rules  # unused where no object and position words are read
    said: str = ""  # whose choice of the epoch this is, for footnotes; empty: nobody published one


@dataclass
class ModelConfig:
    """Which module fills each slot, and the sizes of the shared parts."""

    name: str = "fianet"  # what tables and the store call it; set by `model=NAME`
    fusion: Fusion = Fusion.fiam
    neck: Neck = Neck.tmem
    decoder: Decoder = Decoder.simple
    # of attention, in the fusion after each stage
    fusion_heads: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    fusion_dropout: float = 0.0  # of the fusions, while training
    fiam: FiamConfig = field(default_factory=FiamConfig)
    tmem: TmemConfig = field(default_factory=TmemConfig)
    text: TextConfig = field(default_factory=TextConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    published: PublishedModel = field(default_factory=PublishedModel)
    plugin: str | None = None  # package and version, set by `model=NAME` where another package brings NAME


@dataclass
class SyntheticConfig:
    """How many overhead scenes are drawn, how large, and from which seed."""

    train: int = 700  # scenes to train on
    val: int = 80  # scenes that choose the epoch
    test: int = 150  # scenes to test on
    size: int = 96  # side of a scene in pixels
    per_image: int = 3  # sentences about one scene at most
    seed: int = 0  # which scenes are drawn


@dataclass
class ReferConfig:
    """Which sentences are said of COCO instances: `python -m bench.refer --help` says what each key means."""

    name: str = ""  # what tables call the set
    rename: dict[str, str] = field(default_factory=dict)  # other words for classes
    seed: int = 0  # chooses sentences and splits
    per_instance: int = 4  # sentences about one instance at most
    per_image: int = 30  # sentences about one image at most
    # shares of train, val and test, by image
    split: list[float] = field(default_factory=lambda: [0.7, 0.1, 0.2])
    colours: bool = False  # colour words, read from the pixels
    groups: bool = False  # also sentences about several objects
    min_visible: float = 0.5  # share of an object that must be in the picture
    max_side: int = 0  # larger images are shrunk to this many pixels; 0: none is


@dataclass
class PublishedData:
    """The settings the papers use on this set; recipes refer to it."""

    epochs: int = 40  # see recipe.epochs
    lr: float = 3e-5  # see recipe.lr
    tmem_blocks: int = 3  # see model.tmem.blocks
    erase: float = (
        0.0  # share of training references that get black boxes: the model's on RRSIS-D, none elsewhere
    )


@dataclass
class DataConfig:
    """A referring data set on disk. Of its keys only those that change what is read are part of a cell's identity."""

    name: str = "rrsisd"  # what tables and the store call the set
    layout: Layout = Layout.rrsisd
    root: str = path("data/rrsisd")  # its folder
    max_tokens: int = 22  # word pieces a sentence is cut to, the two that mark its ends included
    file: str | None = path(None)  # the table of layout manifest
    coco: str | None = path(None)  # the instance file of layout coco
    images: str | None = path(None)  # folder of the images (coco, refcoco); none for refcoco: root/images
    split_by: str = "unc"  # of layout refcoco: which refs(...).p is read
    test_split: str | None = None  # of layout refcoco: testA or testB; none: all test splits as one
    refer: ReferConfig = field(default_factory=ReferConfig)  # of layout coco
    stretch: Stretch = Stretch.percentile  # of images of more than 8 bits, in training and prediction alike
    # which bands are red, green and blue (or the one that is grey), from 1; empty: what the files say; in the identity
    bands: list[int] = field(default_factory=list)
    skip_errors: bool = False  # leave out samples the audit calls errors; tables then say how many
    synthetic: SyntheticConfig | None = None  # set: the data are drawn by the project itself
    published: PublishedData = field(default_factory=PublishedData)
    workers: int = 2  # loading processes per cell; 0 = in the training process
    cache: str = path("runs/cache")  # fingerprints and resized images
    cache_mb: int = 1024  # resized images are cached on disk while they are smaller than this
    # train on so many images, with all sentences of each; validation and test stay whole (bench/data/subset.py)
    limit: int | None = None
    fraction: float | None = None  # or on this share of them


@dataclass
class RecipeConfig:
    """How a cell is trained: AdamW, one schedule, one loss."""

    size: int = 480  # input side in pixels
    epochs: int = 40  # passes over the training sentences
    batch_size: int = 8  # sentences a step, over all processes
    # parts a batch is computed in, where the GPU cannot hold it; batch norm sees each part alone
    accumulate: int = 1
    # compute blocks twice instead of keeping them: less memory, the same numbers; not for models of other packages
    checkpointing: bool = False
    # training steps as fused kernels: minutes before the first one, then faster on GPUs; within rounding the same
    compile: bool = False
    lr: float = 3e-5  # of AdamW, at the first step
    weight_decay: float = 0.01  # of AdamW
    power: float = 0.9  # poly schedule (1 - it/total)^power, per iteration
    loss: LossName = LossName.ce_dice
    dice: DiceReduction = DiceReduction.sum
    erase: float = 0.2  # share of training references that get black boxes
    # of training and scoring; tf32 is float32 where the device has none
    precision: Precision = Precision.float32


@dataclass
class ProtocolConfig:
    """How a cell is scored."""

    select: Split = Split.val
    metric: Metric = Metric.mIoU
    size: EvalSize = EvalSize.resized
    decoupler: Decoupler = Decoupler.rules
    # data sets whose test splits are scored too, by name or as a mapping (bench/config/further.py)
    also: list[Any] = field(default_factory=list)


@dataclass
class LauncherConfig:
    """Where cells run. Never part of a cell's identity."""

    name: LauncherKind = LauncherKind.local
    workers: int = 0  # cells trained at once; 0 = one a GPU, or one a core
    processes: int = (
        1  # that train one cell together, each a part of every batch on a GPU of its own; per node
    )
    threads: int = 0  # CPU threads per process; 0 = an equal share of the cores
    # of training that a sudden death costs at most; 0 = automatic: 60, or 50 times what saving a state takes
    checkpoint_seconds: float = 0.0
    # what follows is read by launcher=slurm alone
    partition: str | None = None  # none: the cluster's default, also for the next three
    account: str | None = None  # who pays, as sbatch's --account
    qos: str | None = None  # as sbatch's --qos
    constraint: str | None = None  # as sbatch's --constraint
    nodes: int = 1  # that train one cell together, with `processes` each
    gpus: int = 0  # per process
    cpus: int = 2  # per process
    memory: str | None = None  # on each node; none: by the size of each row's model
    # minutes, hours:minutes:seconds or days-hours:minutes:seconds; none: by its speed
    time: str | None = None
    warning_seconds: int = 120  # before the time limit: the cell saves its state and is requeued
    max_parallel: int = 100  # jobs of one array that run at once
    rehearse: bool = True  # every model on a node first, before its jobs are submitted
    max_failures: int = 3  # a cell that ended so often for one cause is not submitted again
    setup: list[str] = field(default_factory=list)  # shell lines before Python starts: module load, ulimit

    @property
    def team(self) -> int:
        """How many processes train one cell together, on all nodes."""
        return self.nodes * self.processes


@dataclass
class TrackingConfig:
    """The MLflow mirror of the store."""

    enabled: bool = True  # whether MLflow hears of a study at all
    live: bool = False  # cells tell the server about every epoch; else a study is mirrored when it ends
    uri: str | None = path(None)  # none: sqlite file inside the store


@dataclass
class AssumedSpeed:
    """Images a second that training takes in where nothing was measured yet, for the first estimate of time."""

    cpu: float = 0.1  # one process on CPU cores
    gpu: float = 12.0  # one process on one GPU
    size: int = 480  # image side it holds for; others count by their area


@dataclass
class Config:
    """Everything one cell is made from, plus how the command runs it."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    # score these weights instead of training: export's folder or file, or a .pth
    weights: str | None = path(None)
    ablation: str | None = path(None)  # study name or path to its YAML; none: one row, the chosen model
    name: str | None = None  # what the store calls the study; none: the name of `ablation`, else of the model
    seeds: list[int] = field(default_factory=lambda: [0])  # every row is trained once with each
    store: str = path("runs")  # folder of cells, plans, reports and the MLflow file
    dry_run: bool = False  # print the plan and stop
    rehearse: bool = False  # two steps of every distinct model, scored, saved and resumed; then stop
    wait: bool = False  # launcher=slurm: follow the jobs to their end instead of returning at once
    watch: bool = False  # launcher=slurm: as wait, and submit again what died
    assumed: AssumedSpeed = field(default_factory=AssumedSpeed)
