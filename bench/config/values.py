"""Values that no run could use are refused here, before anything starts."""

from typing import Any

from bench.config.choices import EncoderKind, LauncherKind
from bench.config.data_keys import check_data
from bench.config.machine import on_gpu
from bench.config.schema import Config, LauncherConfig, ModelConfig, RecipeConfig
from bench.terminal.errors import UserError

TINY, MANY = 1e-12, 10**9
RANGES: dict[str, tuple[float, float]] = {
    "model.fusion_heads": (1, 1024),
    "model.fusion_dropout": (0, 0.99),
    "model.tmem.blocks": (1, 1000),
    "model.text.width": (1, 10**5),
    "model.text.layers": (1, 1000),
    "model.text.heads": (1, 1024),
    "model.text.dropout": (0, 0.99),
    "model.text.trained_layers": (0, 1000),
    "model.encoder.embed_dim": (1, 10**5),
    "model.encoder.depths": (1, 1000),
    "model.encoder.heads": (1, 1024),
    "model.encoder.window": (1, 1000),
    "model.encoder.drop_path": (0, 0.99),
    "model.encoder.trained_stages": (0, 4),
    "model.published.erase": (0, 1),
    "data.max_tokens": (3, 512),
    "data.workers": (0, 1024),
    "data.cache_mb": (0, MANY),
    "data.limit": (1, MANY),
    "data.fraction": (TINY, 1),
    "data.synthetic.train": (1, MANY),
    "data.synthetic.val": (1, MANY),
    "data.synthetic.test": (1, MANY),
    "data.synthetic.size": (8, 10**4),
    "data.synthetic.per_image": (1, 1000),
    "data.synthetic.seed": (0, 2**63 - 1),
    "data.published.epochs": (1, 10**6),
    "data.published.lr": (TINY, 1000),
    "data.published.tmem_blocks": (1, 1000),
    "data.published.erase": (0, 1),
    "data.bands": (1, 10**5),
    "data.refer.seed": (0, 2**63 - 1),
    "data.refer.per_instance": (1, MANY),
    "data.refer.per_image": (1, MANY),
    "data.refer.split": (0, 1),
    "data.refer.min_visible": (0, 1),
    "data.refer.max_side": (0, 10**6),
    "recipe.size": (1, 10**4),
    "recipe.epochs": (1, 10**6),
    "recipe.batch_size": (1, 10**6),
    "recipe.accumulate": (1, 10**6),
    "recipe.lr": (TINY, 1000),
    "recipe.weight_decay": (0, 1000),
    "recipe.power": (0, 100),
    "recipe.erase": (0, 1),
    "launcher.workers": (0, 10**4),
    "launcher.processes": (1, 1024),
    "launcher.threads": (0, 1024),
    "launcher.checkpoint_seconds": (0, MANY),
    "launcher.nodes": (1, 10**4),
    "launcher.gpus": (0, 1024),
    "launcher.cpus": (1, 10**4),
    "launcher.warning_seconds": (0, 10**6),
    "launcher.max_parallel": (1, 10**6),
    "launcher.max_failures": (1, 10**6),
    "seeds": (0, 2**63 - 1),
    "assumed.cpu": (TINY, MANY),
    "assumed.gpu": (TINY, MANY),
    "assumed.size": (1, 10**4),
}
"""The least and the greatest value of every key that holds a number, or numbers."""


def check_values(config: Config) -> None:
    """Refuses values no run could use.

    Raises:
        UserError: Naming the key.
    """
    recipe, launcher = config.recipe, config.launcher
    _check_ranges(config)
    check_data(config.data)
    _check_encoder(config.model)
    if recipe.batch_size < 2:
        raise UserError(
            f"recipe.batch_size={recipe.batch_size}: batch normalisation learns nothing from single images.",
            "Use 2 or more.",
        )
    if config.tracking.live and config.tracking.uri is None:
        raise UserError(
            "tracking=live: tracking.uri is missing: many processes cannot share one sqlite file.",
            "Start `mlflow server --host 127.0.0.1` and give tracking.uri=http://127.0.0.1:5000.",
        )
    if config.data.limit is not None and config.data.fraction is not None:
        raise UserError(
            f"data.limit={config.data.limit}, data.fraction={config.data.fraction:g}: both say how many images to "
            "train on.",
            "Give one of them.",
        )
    _check_parts(recipe, launcher)
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        raise UserError(
            f"seeds={config.seeds}: seeds are different whole numbers from 0.", "For example 'seeds=[0,1,2]'."
        )


def _check_ranges(config: Config) -> None:
    for key, (lowest, highest) in RANGES.items():
        value: Any = config
        for part in key.split("."):
            value = getattr(value, part, None)
        for number in value if isinstance(value, list) else [value]:
            if number is not None and not lowest <= number <= highest:  # also catches NaN
                size = "small" if number < lowest else "large" if number > highest else "odd"
                said = "this is no number" if size == "odd" else f"is too {size}"
                raise UserError(
                    f"{key}={_plain(value)}: {said}.", f"Give a value from {lowest:g} to {highest:g}."
                )


def _check_encoder(model: ModelConfig) -> None:
    """Refuses a backbone without a name, or a name that nothing would read."""
    encoder = model.encoder
    if model.plugin is not None:
        return
    if encoder.kind == EncoderKind.timm and not encoder.name:
        raise UserError(
            "model.encoder.kind=timm: model.encoder.name is missing.",
            "Pass model.encoder.name=, for example model.encoder.name=convnext_tiny.",
        )
    if encoder.kind == EncoderKind.swin and encoder.name:
        raise UserError(
            f"model.encoder.name={encoder.name}: model.encoder.kind=swin reads no name, its sizes are keys.",
            "Pass model.encoder.kind=timm too.",
        )


def _plain(value: Any) -> str:
    return "[" + ",".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _check_parts(recipe: RecipeConfig, launcher: LauncherConfig) -> None:
    """Refuses batches that do not split evenly, or into parts that batch norm learns nothing from."""
    if launcher.processes > 1 and launcher.name == LauncherKind.inline:
        raise UserError(
            f"launcher.processes={launcher.processes}: launcher=inline trains in this process alone.",
            "Use launcher=local or launcher=slurm.",
        )
    if launcher.nodes > 1 and launcher.name != LauncherKind.slurm:
        raise UserError(
            f"launcher.nodes={launcher.nodes}: launcher={launcher.name} knows this machine alone.",
            "Use launcher=slurm.",
        )
    gpus = launcher.team > 1 and on_gpu(launcher)
    least = 1 if gpus else 2  # GPUs normalise all processes' parts as one
    parts = launcher.team * recipe.accumulate
    wrong = min(launcher.nodes, launcher.processes, recipe.accumulate) < 1
    if wrong or recipe.batch_size % parts or recipe.batch_size < least * parts:
        given = f"launcher.nodes={launcher.nodes}, " if launcher.nodes != 1 else ""
        given += f"launcher.processes={launcher.processes}, " if launcher.processes != 1 else ""
        raise UserError(
            f"{given}recipe.accumulate={recipe.accumulate}: batches of {recipe.batch_size} do not split so.",
            f"Together they divide recipe.batch_size and leave parts of {least} or more.",
        )
