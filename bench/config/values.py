"""Values that no run could use are refused here, before anything starts."""

from bench.config.machine import on_gpu
from bench.config.schema import Config, LauncherConfig, LauncherKind, RecipeConfig
from bench.terminal.errors import UserError


def check_values(config: Config) -> None:
    """Refuses values no run could use.

    Raises:
        UserError: Naming the key.
    """
    recipe, launcher = config.recipe, config.launcher
    positive = {
        "recipe.epochs": recipe.epochs,
        "recipe.lr": recipe.lr,
        "recipe.size": recipe.size,
        "data.max_tokens": config.data.max_tokens - 2,
        "model.tmem.blocks": config.model.tmem.blocks,
    }
    for key, value in positive.items():
        if value <= 0:
            raise UserError(f"{key} is too small.", "Give a larger value.")
    if launcher.checkpoint_seconds < 0:
        raise UserError(
            f"launcher.checkpoint_seconds={launcher.checkpoint_seconds}: there is no such time.",
            "Give seconds, or 0: what saving a state takes then decides.",
        )
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
    _check_parts(recipe, launcher)
    if not 0 <= recipe.erase <= 1:
        raise UserError(f"recipe.erase={recipe.erase}: this is a share.", "Give a value from 0 to 1.")
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        raise UserError(
            f"seeds={config.seeds}: seeds are different whole numbers from 0.", "For example seeds=[0,1,2]."
        )


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
