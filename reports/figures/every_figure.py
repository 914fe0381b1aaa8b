"""All figures of a study."""

from collections.abc import Mapping
from pathlib import Path

from bench.storage.store import Store
from bench.terminal.errors import DataError
from reports.figures import attention, details, examples, fractions, overview
from reports.figures.scenes import NoScenes, ReadScenes, read_scenes
from reports.figures.style import save, style
from reports.statistics.costs import costs_differ, costs_of
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import StudyFrame
from reports.statistics.samples import Samples
from reports.text.escape import slug


def draw_figures(
    store: Store,
    frame: StudyFrame,
    evidence: Evidence,
    samples: Mapping[Place, Samples],
    folder: Path,
    read: ReadScenes,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Draws what the store has numbers for; returns the files, and what was left out and why."""
    paths: list[Path] = []
    remarks: list[str] = []
    with style():
        history = overview.read_history(store, frame)
        if history.empty:
            remarks.append("No training curves: no cell has finished an epoch.")
        else:
            paths += save(overview.curves(history, frame), folder / "curves")
        paths += save(overview.bars(frame, evidence), folder / "bars")
        if families := fractions.read_families(store, frame):
            paths += save(fractions.fractions(frame, families), folder / "fractions")
        tested = {dataset: found for (dataset, split), found in samples.items() if split == "test"}
        if tested:
            paths += save(details.thresholds(frame, tested), folder / "thresholds")
            paths += save(details.sizes(frame, tested), folder / "sizes")
            for dataset, found in tested.items():
                paths += save(
                    details.categories(frame, found, dataset), folder / f"categories-{slug(dataset)}"
                )
        for dataset in frame.datasets:
            spent, unit = costs_of(store, frame, dataset)
            if costs_differ(spent):
                paths += save(details.costs(frame, dataset, spent, unit), folder / f"cost-{slug(dataset)}")
            try:
                compared = examples.compare(store, frame, dataset)
                scenes = read_scenes(store, compared.cell, dataset, read)
                pictured = examples.draw(compared, frame, scenes)
            except (NoScenes, DataError) as reason:
                remarks.append(f"No figure of examples for {reason}.")
            else:
                for name, drawn in pictured.items():
                    paths += save(drawn, folder / f"{name}-{slug(dataset)}")
            try:
                kept = attention.find(store, frame, dataset, read)
                if kept is not None:
                    paths += save(attention.draw(kept), folder / f"attention-{slug(dataset)}")
            except (NoScenes, DataError) as reason:
                remarks.append(f"No figure of attention for {reason}.")
    return tuple(paths), tuple(remarks)
