"""The stored lines of every test expression, of all rows and seeds, in one order."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.storage.image_sums import Pixels, Scored
from bench.storage.store import Store
from reports.statistics.frame import StudyFrame
from reports.text.escape import plain

_SCORES = ["split", "ref_id", "intersection", "union"]
_FACTS = ["split", "ref_id", "image_id", "category", "sentence", "mask_area", "height", "width"]


@dataclass(frozen=True)
class Samples:
    """The expressions of one data set and split as scored by every row that has scores.

    Attributes:
        scored: Intersections and unions by row and seed.
        facts: What is known of each expression, in the order of `scored`: ref_id, image_id, category,
            sentence, truth and pixels (of the true mask, of the image), share (truth of pixels, 0..1).
        seeds: Row to its seeds, in the order of `scored`.
        left_out: Rows that have scores but were scored on other expressions or masks.
    """

    scored: Scored
    facts: pd.DataFrame
    seeds: dict[str, tuple[int, ...]]
    left_out: tuple[str, ...] = ()

    def common_seeds(self, rows: Iterable[str]) -> tuple[int, ...]:
        """The seeds that all these rows have."""
        sets = [set(self.seeds[row]) for row in rows]
        return tuple(sorted(set.intersection(*sets)))

    def of_seeds(self, rows: Iterable[str], seeds: tuple[int, ...]) -> Scored:
        """Some rows with some of their seeds alone."""
        places = {row: [self.seeds[row].index(seed) for seed in seeds] for row in rows}
        return Scored(
            self.scored.images,
            {row: self.scored.intersections[row][at] for row, at in places.items()},
            {row: self.scored.unions[row][at] for row, at in places.items()},
        )


def read_samples(store: Store, frame: StudyFrame, dataset: str) -> dict[str, Samples]:
    """Split to its samples; splits without any are left out. Each file is read once, without predictions."""
    collected: dict[str, dict[str, list[Pixels]]] = {}
    facts: dict[str, pd.DataFrame] = {}
    left_out: dict[str, list[str]] = {}
    seeds: dict[str, dict[str, list[int]]] = {}
    for row in frame.rows_on(dataset):
        for seed, cell_id in frame.cell_ids(dataset, row.key).items():
            if not facts and frame.same_masks(row.key):
                facts = _facts(store, cell_id)
            for split, (refs, pixels) in _scores(store, cell_id).items():
                known = facts.get(split)
                if not frame.same_masks(row.key) or known is None or not np.array_equal(refs, known.index):
                    left_out.setdefault(split, []).append(row.key)
                else:
                    collected.setdefault(split, {}).setdefault(row.key, []).append(pixels)
                    seeds.setdefault(split, {}).setdefault(row.key, []).append(seed)
    return {
        split: Samples(
            scored=Scored(
                images=pd.factorize(facts[split]["image_id"])[0],
                intersections={row: np.stack([pixels[0] for pixels in seeds]) for row, seeds in rows.items()},
                unions={row: np.stack([pixels[1] for pixels in seeds]) for row, seeds in rows.items()},
            ),
            facts=facts[split].reset_index(),
            left_out=tuple(dict.fromkeys(left_out.get(split, ()))),
            seeds={row: tuple(mine) for row, mine in seeds[split].items()},
        )
        for split, rows in collected.items()
    }


def _scores(store: Store, cell_id: str) -> dict[str, tuple[NDArray[np.int64], Pixels]]:
    """Split to its reference ids (E,) in rising order, and (2,E) intersections and unions."""
    read = store.cell(cell_id).sample_columns(_SCORES)
    if read is None:
        return {}
    columns = np.stack([read[name] for name in _SCORES[1:]]).astype(np.int64)
    places, splits = pd.factorize(read["split"])
    found = {}
    for place, split in enumerate(splits):
        mine = columns[:, places == place]
        mine = mine[:, np.argsort(mine[0], kind="stable")]
        found[str(split)] = (mine[0], mine[1:])
    return found


def _facts(store: Store, cell_id: str) -> dict[str, pd.DataFrame]:
    table = store.cell(cell_id).samples(_FACTS)
    if table is None:
        return {}
    area = table["height"] * table["width"]
    table = table.assign(
        truth=table["mask_area"],
        pixels=area,
        share=table["mask_area"] / area.where(area > 0),
        category=table["category"].map(lambda name: plain(str(name))),
        sentence=table["sentence"].map(plain),
    )
    kept = ["ref_id", "image_id", "category", "sentence", "truth", "pixels", "share"]
    return {
        str(split): lines[kept].set_index("ref_id").sort_index()
        for split, lines in table.groupby("split", sort=False)
    }
