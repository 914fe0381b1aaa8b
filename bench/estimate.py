"""How long the missing cells will take: from cells done here, else from where the scale was measured."""

import statistics
from dataclasses import dataclass
from typing import Any

from bench.compose import plain
from bench.config import Config, LauncherKind
from bench.launch.slots import make_slots
from bench.prepare import Prepared
from bench.states import duration
from bench.store import Store


@dataclass(frozen=True)
class Estimate:
    """Training speed of one cell, and where the number comes from."""

    images_per_second: float
    source: str


class Speeds:
    """How fast cells trained that are done in a store.

    Args:
        store: Read once, here.
    """

    def __init__(self, store: Store) -> None:
        self._known: list[tuple[dict[str, Any], float]] = []
        for cell in store.cells():
            metrics, seconds = cell.metrics(), cell.state().get("seconds")
            if metrics and metrics["epochs"] and seconds:
                self._known.append((cell.config(), metrics["epochs"] * metrics["counts"]["train"] / seconds))

    def of(self, config: Config) -> Estimate:
        """The median of cells of this model and image size, else of its scale, else what was measured elsewhere."""
        wanted = plain(config)
        sized = [
            (known["model"], rate)
            for known, rate in self._known
            if known["recipe"]["size"] == config.recipe.size
            and known["model"]["encoder"]["embed_dim"] == config.model.encoder.embed_dim
        ]
        alike = [rate for model, rate in sized if model == wanted["model"]] or [rate for _, rate in sized]
        if alike:
            return Estimate(statistics.median(alike), f"median of {len(alike)} cells done here")
        return Estimate(
            config.images_per_second,
            "none was done here yet: measured on one core (tiny) or one GPU elsewhere",
        )


def dry_run(prepared: Prepared) -> str:
    """The plan in words: each cell, done or to run, and the time the missing ones would take."""
    speeds = Speeds(prepared.store)
    rate = speeds.of(prepared.config)
    lines, seconds, seen = [], 0.0, set[str]()
    for cell in prepared.cells:
        state = prepared.store.cell(cell.id).state()["state"]
        epochs = 0 if cell.config.weights else cell.config.recipe.epochs
        need = epochs * prepared.training_samples[cell.id] / speeds.of(cell.config).images_per_second
        said = "done" if state == "done" else f"to run, about {duration(need)}"
        if cell.id in seen:
            said = "shared with a row above"
        elif state != "done":
            seconds += need
        seen.add(cell.id)
        label = next(row.label for row in prepared.study.rows if row.key == cell.row)
        lines.append(f"{cell.id}  {label} · {cell.dataset} · seed {cell.seed}  {said}")
    launcher = prepared.config.launcher
    missing = len(prepared.missing())
    match launcher.name:
        case LauncherKind.inline:
            workers = 1
        case LauncherKind.slurm:
            workers = launcher.max_parallel
        case LauncherKind.local:
            workers = len(make_slots(launcher, len(seen)))
    lines.append(
        f"{len(seen) - missing} done, {missing} to run"
        + (
            f": about {duration(seconds / min(workers, missing))} with {min(workers, missing)} at once ({rate.source})."
            if missing
            else "."
        )
    )
    if missing and launcher.name == LauncherKind.slurm:
        from bench.launch import slurm_plan

        lines.append(slurm_plan.describe(prepared, seconds / missing))
    return "\n".join(lines)
