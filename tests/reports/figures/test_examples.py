from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.data import scored_scenes
from bench.storage.store import Store
from reports.figures import examples
from reports.figures.scenes import NoScenes, read_scenes
from reports.statistics.frame import read_frame

StudyMaker = Callable[..., Store]


def test_examples_are_the_extremes_and_the_median() -> None:
    gains = pd.Series({place: place / 10 for place in range(-5, 6)})
    images = pd.Series({place: str(place) for place in gains.index})
    chosen = examples.choose(gains, images)
    assert [(each.why, each.ref_id) for each in chosen] == [
        ("Largest gain", 5),
        ("Largest gain", 4),
        ("Median gain", 0),
        ("Largest loss", -5),
        ("Largest loss", -4),
    ]


def test_no_image_is_an_example_twice_and_ties_fall_by_seed() -> None:
    gains = pd.Series(0.0, index=range(40))
    images = pd.Series([str(place // 4) for place in range(40)])
    chosen = [examples.choose(gains, images, seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    shown = [images[each.ref_id] for each in chosen[0]]
    assert len(set(shown)) == len(shown) == 5


def test_few_expressions_give_few_examples() -> None:
    assert len(examples.choose(pd.Series({7: 0.1}), pd.Series({7: "a"}))) == 1


def test_examples_compare_the_first_row_with_the_reference(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0, 1), missing={("full", 0): None, ("blind", 0): None, ("pwam", 0): None})
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    assert (compared.seed, compared.base.key, compared.better.key) == (1, "blind", "full")
    drawn = examples.draw(
        compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    )
    assert len(drawn["examples"].axes) == 5 * (2 + len(frame.rows))
    # object and position words of every sentence, and what the colours mean
    assert len(drawn["examples"].artists) == 5 * 2 + 2


def test_typical_failures_are_drawn_by_seed_from_what_every_row_fails_on(
    make_study: StudyMaker, images: Path
) -> None:
    best = pd.Series([0.0, 0.05, 0.09, 0.09, 0.1, 0.9], index=range(10, 16))
    pictured = pd.Series(list("aabccd"), index=best.index)
    chosen = [examples.choose_failures(best, pictured, seed) for seed in (0, 0, 5)]
    assert chosen[0] == chosen[1] != chosen[2]
    for each in chosen:
        assert len({pictured[example.ref_id] for example in each}) == len(each) == 3
        assert all(example.value < 0.1 for example in each)
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    assert set(
        examples.draw(
            compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
        )
    ) == {"examples"}
    for samples in compared.samples.values():
        samples["iou"] = 0.01
    drawn = examples.draw(
        compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    )
    assert len(drawn["failures"].axes) == 3 * (2 + len(frame.rows))


def test_examples_say_why_there_are_none(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    with pytest.raises(NoScenes, match="not on this machine"):
        read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)


def test_other_data_under_the_same_name_are_not_shown(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    references = read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    for samples in compared.samples.values():
        samples["sentence"] += " elsewhere"
    with pytest.raises(NoScenes, match="not the one that was scored"):
        examples.draw(compared, frame, references)
