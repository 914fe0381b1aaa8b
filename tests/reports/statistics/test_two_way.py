from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bench.storage import metrics
from bench.storage.image_sums import Scored
from reports.statistics.resampling import align, analyse
from reports.statistics.two_way import (
    analyse_both,
    difference,
    leading,
    of_row,
    parts,
    seeds_and_images,
)
from tests.reports.statistics.test_resampling import few, simulate

MIOU = ("mIoU",)
VARIED = [
    {"image": 1.0, "seed": 0.0},
    {"image": 1.0, "seed": 0.0, "both": 0.5},
    {"image": 1.0, "seed": 0.5},
    {"image": 0.7, "seed": 0.7},
    {"image": 0.2, "seed": 0.7, "both": 0.7},
    {"image": 0.2, "seed": 1.0},
]


def trained(
    random: np.random.Generator, seeds: int, images: int, *, image: float, seed: float, both: float = 0.0
) -> np.ndarray:
    """(S,2C) IoU of trainings whose mIoU is 50 % in expectation over seeds and images; two expressions an image.

    `image`, `seed` and `both` are the standard errors, in points, that images, seeds and their interplay leave of
    the mean over all of them.
    """
    by_image = random.normal(0, image * images**0.5, images)
    by_seed = random.normal(0, seed * seeds**0.5, (seeds, 1))
    apart = random.normal(0, both * (seeds * images) ** 0.5, (seeds, images))
    return np.repeat(50 + by_image + by_seed + apart, 2, axis=1)


def scored_as(rows: Mapping[str, np.ndarray]) -> Scored:
    pixels = {row: np.round(1000 * each).clip(0, 100_000).astype(np.int64) for row, each in rows.items()}
    expressions = next(iter(rows.values())).shape[1]
    return Scored(
        np.arange(expressions) // 2, pixels, {row: np.full_like(p, 100_000) for row, p in pixels.items()}
    )


def coverage(seeds: int, trials: int, images: int = 60, **errors: float) -> tuple[float, float, float]:
    """How often the interval of a row holds 50 %, one over images alone does, and that of a difference holds 0.

    The two rows that are compared share how hard images are, five times what images change of their difference.
    """
    random, hits = np.random.default_rng(12), []
    for _ in range(trials):
        hard = np.repeat(random.normal(0, errors["image"] * 5, images), 2)
        rows = {row: trained(random, seeds, images, **errors) for row in "ab"}
        one = parts(scored_as(rows), "a", MIOU)
        zero = np.zeros(1)
        both, alone = of_row(one), of_row(replace(one, of_seeds=zero, of_both=zero))
        shared = scored_as({row: each + hard for row, each in rows.items()})
        gap = difference(parts(shared, "a", MIOU), parts(shared, "b", MIOU))
        hits.append(
            [(e.low <= value) & (value <= e.high) for e, value in ((both, 50), (alone, 50), (gap, 0))]
        )
    row, images_alone, gaps = np.mean(hits, axis=0)[:, 0]
    return float(row), float(images_alone), float(gaps)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("errors", VARIED, ids=str)
def test_intervals_hold_what_they_promise_where_seeds_and_images_vary(
    seeds: int, errors: dict[str, float]
) -> None:
    row, _, gap = coverage(seeds, 400, **errors)
    assert 0.9 <= row <= 0.99  # 95 %: standard error of 400 trials 1.1 %
    assert 0.925 <= gap <= 0.99


def test_an_interval_over_images_alone_misses_what_seeds_change() -> None:
    _, alone, _ = coverage(3, 200, image=0.2, seed=1.0)
    assert alone <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("errors", VARIED, ids=str)
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_coverage_in_the_long_run(seeds: int, errors: dict[str, float]) -> None:
    row, alone, gap = coverage(seeds, 4000, 300, **errors)
    print(f"\n{seeds} seeds, {errors}: row {row:.1%}, difference {gap:.1%}, row by images alone {alone:.1%}")
    assert row >= (0.9 if seeds > 2 else 0.83)
    assert gap >= 0.93


def test_equal_rows_of_three_seeds_are_rarely_called_different() -> None:
    random, found = np.random.default_rng(13), []
    for _ in range(40):
        rows = {row: trained(random, 3, 60, image=0.4, seed=0.8) for row in "abcdef"}
        found += list(analyse_both(scored_as(rows), "a", MIOU).comparisons["p_holm"] < 0.05)
    assert np.mean(found) <= 0.03


def test_a_gain_that_seeds_cannot_explain_is_found() -> None:
    random = np.random.default_rng(14)
    rows = {row: trained(random, 3, 60, image=0.3, seed=0.3) for row in "ab"}
    line = analyse_both(scored_as({**rows, "b": rows["b"] + 5}), "a", MIOU).comparisons.iloc[0]
    assert line["p"] < 0.01
    assert line["low"] < 5 < line["high"]
    assert line["over_seeds"]


def test_means_and_tables_are_those_of_the_other_analysis() -> None:
    scored = few(0, [0, 3, 6], seeds=3)
    one, other = analyse(scored, "row 0", resamples=50), analyse_both(scored, "row 0")
    for name in ("rows", "comparisons", "improvement"):
        mine, theirs = getattr(other, name), getattr(one, name)
        assert list(mine) == list(theirs)
        assert list(mine["row"]) == list(theirs["row"])
    np.testing.assert_allclose(other.rows["mean"], one.rows["mean"])
    np.testing.assert_allclose(other.comparisons["effect"], one.comparisons["effect"])
    np.testing.assert_allclose(other.improvement["share"], one.improvement["share"])
    assert (other.improvement["low"] < other.improvement["share"]).all()


@pytest.mark.parametrize("metric", metrics.NAMES)
def test_without_seeds_it_is_the_bootstrap_over_images(metric: str) -> None:
    scored = align(simulate(np.random.default_rng(3), [0.0], expressions=900, images=400))
    line = analyse(scored, "row 0", resamples=4000).rows.set_index("metric").loc[metric]
    low, high = seeds_and_images(scored, "row 0")[metric]
    width = line["high"] - line["low"]
    assert low == pytest.approx(max(line["low"], 0), abs=0.08 * width)
    assert high == pytest.approx(line["high"], abs=0.08 * width)


def test_seeds_that_agree_add_nothing_to_the_interval() -> None:
    scored = few(6, [0])
    thrice = Scored(
        scored.images,
        {row: np.repeat(each, 3, axis=0) for row, each in scored.intersections.items()},
        {row: np.repeat(each, 3, axis=0) for row, each in scored.unions.items()},
    )
    alone, together = (seeds_and_images(each, "row 0") for each in (scored, thrice))
    for metric in metrics.NAMES:
        assert together[metric] == pytest.approx(alone[metric])


def test_one_image_leaves_what_seeds_change_and_one_of_both_a_point() -> None:
    pixels = np.array([[40], [50], [60]])
    seeds = Scored(np.zeros(1, int), {"x": pixels}, {"x": np.full_like(pixels, 100)})
    low, high = seeds_and_images(seeds, "x")["mIoU"]
    assert low < 40 < 60 < high
    assert (low + high) / 2 == pytest.approx(50)
    one = Scored(np.zeros(1, int), {"x": pixels[:1]}, {"x": np.full((1, 1), 100)})
    assert seeds_and_images(one, "x")["mIoU"] == pytest.approx((40, 40))


def test_interval_stays_within_percent_and_knows_empty_masks() -> None:
    wild = Scored(
        np.arange(4),
        {"x": np.array([[0, 0, 0, 10], [10, 10, 10, 10]])},
        {"x": np.array([[0, 0, 10, 10], [10, 10, 10, 10]])},
    )
    for low, high in seeds_and_images(wild, "x").values():
        assert 0 <= low <= high <= 100
    nothing = Scored(np.arange(3), {"x": np.zeros((2, 3), int)}, {"x": np.zeros((2, 3), int)})
    assert set(seeds_and_images(nothing, "x").values()) == {(0.0, 0.0)}


def test_identical_rows_cannot_be_told_apart() -> None:
    scored = few(2, [0], seeds=3)
    twins = Scored(
        scored.images,
        dict.fromkeys("ab", scored.intersections["row 0"]),
        dict.fromkeys("ab", scored.unions["row 0"]),
    )
    line = analyse_both(twins, "a", MIOU).comparisons.iloc[0]
    assert (line["effect"], line["p"]) == (0, 1)
    assert leading(twins, ["a", "b"])["mIoU"].rows == ("a", "b")


def test_what_leads_is_the_highest_and_all_that_no_test_tells_from_it() -> None:
    random = np.random.default_rng(15)
    base = {row: trained(random, 3, 60, image=0.3, seed=0.3) for row in "abc"}
    scored = scored_as({"a": base["a"] - 10, "b": base["b"] + 0.02, "c": base["c"]})
    found = leading(scored, ["a", "b", "c"], MIOU)["mIoU"]
    assert set(found.rows) == {"b", "c"}
    assert found.stand_out == found.rows
    pair = leading(scored, ["b", "c"], MIOU)["mIoU"]
    assert pair.stand_out == (), "all lead, so none does"
    assert leading(scored, ["a"], MIOU)["mIoU"].stand_out == ()
    assert leading(scored, []) == {}


def test_one_seed_has_leaders_over_images_and_none_that_stands_out() -> None:
    found = leading(few(3, [0, 30]), ["row 0", "row 1"], MIOU)["mIoU"]
    assert found.rows == ("row 1",)
    assert not found.over_seeds
    assert found.stand_out == ()


def test_leaders_of_a_part_are_those_of_its_expressions() -> None:
    scored = few(4, [0, 0], seeds=3)
    member = np.arange(300) < 100
    lifted = {
        row: np.where(member, each + (each < 40) * (row == "row 1") * 900, each)
        for row, each in scored.intersections.items()
    }
    better = Scored(
        scored.images, {r: np.minimum(each, scored.unions[r]) for r, each in lifted.items()}, scored.unions
    )
    rows = ["row 0", "row 1"]
    assert leading(better, rows, MIOU, member)["mIoU"].rows == ("row 1",)
    assert leading(better, rows, MIOU, ~member)["mIoU"].of == 2


def test_one_image_and_one_training_are_no_evidence() -> None:
    rows = {"x": np.array([[40]]), "y": np.array([[60]])}
    one = Scored(np.zeros(1, int), rows, {row: np.full((1, 1), 100) for row in rows})
    found = difference(parts(one, "y"), parts(one, "x"))
    assert found.value.min() < 0 or found.value.max() > 0
    assert (found.p == 1).all()
