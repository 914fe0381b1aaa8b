"""Rows that learned nothing: masks that say nothing of the sentence, and training losses that never fell.

A row that answers with nothing, with everything, or with one mask whatever it is asked has numbers like any other. They
are no evidence about what the row was meant to show.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.storage.store import Store
from reports.statistics.frame import METRICS, StudyFrame
from reports.statistics.samples import Samples

SHARE = 0.95  # of the expressions: above, a seed's masks count as collapsed
FALL = 0.01  # of the first epoch's loss: a loss that never came lower than by this did not fall
TEST = "test"


@dataclass(frozen=True)
class Trouble:
    """What went wrong with a row on one data set.

    Attributes:
        said: In sentences, for readers.
        collapsed: In a few words, where every seed's masks collapsed: the row is no evidence. Empty: it is.
    """

    said: str
    collapsed: str = ""


def find_troubles(
    store: Store, frame: StudyFrame, samples: Mapping[tuple[str, str], Samples]
) -> dict[tuple[str, str], Trouble]:
    """By row and data set; rows with nothing to say of are left out."""
    found = {}
    for dataset in frame.datasets:
        for row in frame.rows_on(dataset):
            cells = frame.cell_ids(dataset, row.key)
            masks = _collapsed(store, frame, samples.get((dataset, TEST)), row.key, dataset)
            flat = {seed: said for seed, cell in cells.items() if (said := _flat_loss(store, cell))}
            whole = bool(cells) and set(masks) >= set(cells)
            sentences = [_masks_said(masks, whole), _loss_said(flat, cells)]
            if said := " ".join(filter(None, sentences)):
                words = " or ".join(dict.fromkeys(masks.values()))
                found[row.key, dataset] = Trouble(said, words if whole else "")
    return found


def _collapsed(
    store: Store, frame: StudyFrame, samples: Samples | None, row: str, dataset: str
) -> dict[int, str]:
    """Seed to what its test masks came to, of collapsed seeds; told by the scores where no masks are stored."""
    if samples is not None and row in samples.scored.rows:
        cells = frame.cell_ids(dataset, row)
        return mask_collapses(samples, row, lambda seed: _predictions(store, cells[seed]))
    lines = frame.results
    mine = lines[(lines["row"] == row) & (lines["dataset"] == dataset) & (lines["split"] == TEST)]
    nothing = mine[(mine[list(METRICS)] == 0).all(axis=1)]
    return {int(seed): "every score is 0" for seed in nothing["seed"]}


def mask_collapses(
    samples: Samples, row: str, predictions: Callable[[int], NDArray[np.object_]]
) -> dict[int, str]:
    """Seed to what nearly all of its masks are: empty, full, or one and the same.

    Predicted pixels follow from what is stored: the union less the truth, and what both share.

    Args:
        samples: Of the test split.
        row: Which.
        predictions: Seed to its (E,) encoded masks; asked for only where nearly all masks have one size.
    """
    truth, whole = (samples.facts[name].to_numpy(float) for name in ("truth", "pixels"))
    predicted = samples.scored.unions[row] - truth + samples.scored.intersections[row]
    share = predicted / np.maximum(whole, 1)
    kinds = (("empty masks", predicted == 0), ("full masks", predicted >= whole))
    alike = (share == np.median(share, axis=1, keepdims=True)).mean(axis=1) > SHARE
    found: dict[int, str] = {}
    for place, seed in enumerate(samples.seeds[row]):
        parts = {said: float(member[place].mean()) for said, member in kinds}
        if alike[place] and max(parts.values()) <= SHARE:
            parts["one and the same mask"] = _largest_part(predictions(seed))
        said, part = max(parts.items(), key=lambda each: each[1])
        if part > SHARE:
            found[seed] = f"{said} on {_percent(part)} of the test expressions"
    return found


def _predictions(store: Store, cell: str) -> NDArray[np.object_]:
    read = store.cell(cell).sample_columns(["split", "prediction"])
    return read["prediction"][read["split"] == TEST] if read else np.array([], object)


def _largest_part(values: NDArray[np.object_]) -> float:
    """Share of the most frequent value; 0 of none."""
    return max(Counter(values.tolist()).values(), default=0) / max(len(values), 1)


def _percent(part: float) -> str:
    return f"{math.floor(1000 * part) / 10:g} %"


def _masks_said(masks: Mapping[int, str], whole: bool) -> str:
    if not masks:
        return ""
    said = _by_seed(masks, named=not whole or len(set(masks.values())) > 1)
    if whole:
        return f"Collapsed ({said}): not ranked, no evidence for or against anything."
    return f"Collapsed in part ({said}): its mean includes that."


def _flat_loss(store: Store, cell: str) -> str:
    """First and last loss of a training whose loss never fell; empty where it fell or was one epoch."""
    losses = [record.get("loss") for record in store.cell(cell).history()]
    known = [float(loss) for loss in losses if isinstance(loss, int | float) and math.isfinite(loss)]
    if len(known) < 2 or min(known[1:]) < known[0] - FALL * abs(known[0]):
        return ""
    return f"{known[0]:.3g} in the first epoch, {known[-1]:.3g} in the last"


def _loss_said(flat: Mapping[int, str], cells: Mapping[int, str]) -> str:
    if not flat:
        return ""
    if len(flat) > 3:
        return f"The training loss of {len(flat)} of {len(cells)} seeds never fell."
    return f"The training loss never fell ({_by_seed(flat, named=len(cells) > 1)})."


def _by_seed(said: Mapping[int, str], *, named: bool) -> str:
    """What is said of seeds, those of which the same is said together."""
    seeds: dict[str, list[str]] = {}
    for seed, text in said.items():
        seeds.setdefault(text, []).append(str(seed))
    if not named:
        return "; ".join(seeds)
    return "; ".join(
        f"{'seed' if len(each) == 1 else 'seeds'} {', '.join(each)}: {text}" for text, each in seeds.items()
    )
