import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.storage import metrics
from bench.storage.image_sums import Scored, wins
from bench.terminal.errors import UserError
from reports.statistics.resampling import align, analyse, holm, seed_scores
from reports.statistics.two_way import SEEDS, analyse_both

Samples = dict[str, dict[int, pd.DataFrame]]


def simulate(
    random: np.random.Generator,
    gains: list[float],
    *,
    expressions: int = 3500,
    images: int = 3000,
    seeds: int = 1,
    noise: float = 0.6,
) -> Samples:
    """Rows scored on the same expressions, hits and misses as real models have them.

    Whether an expression is found depends on its image and itself (shared by all rows) and on the row's luck
    with the image, so that expressions of an image move together and rows of the same gain are exchangeable.
    `gains` is what each row adds to the mean IoU, in points; `noise` how much rows disagree.
    """
    image = np.sort(random.integers(0, images, expressions))
    pixels = np.exp(random.normal(7, 1, expressions)).astype(int) + 50
    ease = 1 + random.normal(0, 1.5, images)[image] + random.normal(0, 1, expressions)
    samples: Samples = {}
    for place, gain in enumerate(gains):
        luck = noise * random.normal(size=images)[image]
        samples[f"row {place}"] = {}
        for seed in range(seeds):
            found = ease + luck + noise * random.normal(size=expressions) > 0
            quality = np.clip(random.normal(0.78, 0.12, expressions), 0, 1)
            share = np.clip(np.where(found, quality, 0.05 * random.random(expressions)) + gain / 100, 0, 1)
            samples[f"row {place}"][seed] = pd.DataFrame(
                {
                    "ref_id": np.arange(expressions),
                    "image_id": [f"{each:05}" for each in image],
                    "intersection": np.round(share * pixels).astype(int),
                    "union": pixels,
                }
            )
    return samples


def few(seed: int, gains: list[float], seeds: int = 1) -> Scored:
    random = np.random.default_rng(seed)
    return align(simulate(random, gains, expressions=300, images=120, seeds=seeds))


def test_means_are_the_stored_scores() -> None:
    samples = simulate(np.random.default_rng(0), [0, 3], expressions=200, images=90, seeds=3)
    table = analyse(align(samples), "row 0", resamples=50).rows.set_index(["row", "metric"])
    for row, tables in samples.items():
        scores = pd.DataFrame(
            [metrics.score(t["intersection"].to_numpy(), t["union"].to_numpy()) for t in tables.values()]
        )
        for metric in metrics.NAMES:
            line = table.loc[(row, metric)]
            assert line["mean"] == pytest.approx(scores[metric].mean())
            assert line["std"] == pytest.approx(scores[metric].std())
            assert (line["min"], line["max"]) == pytest.approx((scores[metric].min(), scores[metric].max()))
            assert line["low"] <= line["mean"] <= line["high"]


def test_order_of_samples_and_rows_changes_nothing() -> None:
    samples = simulate(np.random.default_rng(1), [0, 2], expressions=80, images=30)
    shuffled = {
        row: {seed: t.sample(frac=1, random_state=1) for seed, t in s.items()} for row, s in samples.items()
    }
    one, two = (analyse(align(each), "row 0", resamples=300) for each in (samples, shuffled))
    pd.testing.assert_frame_equal(one.comparisons, two.comparisons)
    pd.testing.assert_frame_equal(one.rows, two.rows)


def test_same_seed_same_numbers() -> None:
    one, two = (analyse(few(0, [0, 1]), "row 0", resamples=300, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.comparisons, two.comparisons)


def test_identical_rows_have_no_effect_and_p_one() -> None:
    samples = simulate(np.random.default_rng(2), [0], expressions=100, images=40)
    found = analyse(align(samples | {"twin": samples["row 0"]}), "row 0", resamples=200)
    assert (found.comparisons[["effect", "low", "high"]] == 0).all().all()
    assert (found.comparisons["p"] == 1).all()
    assert found.improvement[["share", "low", "high"]].to_numpy().tolist() == [[0.5, 0.5, 0.5]]


def test_swapping_row_and_reference_turns_the_sign_only() -> None:
    scored = few(3, [0, 4])
    one, two = analyse(scored, "row 0", resamples=400), analyse(scored, "row 1", resamples=400)
    np.testing.assert_allclose(one.comparisons["effect"], -two.comparisons["effect"])
    np.testing.assert_allclose(one.comparisons["p"], two.comparisons["p"])
    np.testing.assert_allclose(one.improvement["share"], 1 - two.improvement["share"])


def test_one_image_with_all_expressions_supports_nothing() -> None:
    samples = simulate(np.random.default_rng(4), [0, 30], expressions=400, images=1)
    found = analyse(align(samples), "row 0", resamples=200)
    assert (found.comparisons["p"] == 1).all()  # both labellings of one image are as far apart


def test_clustered_interval_is_wider_where_images_hold_many_expressions() -> None:
    random = np.random.default_rng(5)
    samples = simulate(random, [0, 0], expressions=600, images=40)
    alone = {
        row: {seed: table.assign(image_id=table["ref_id"].astype(str)) for seed, table in tables.items()}
        for row, tables in samples.items()
    }
    widths = []
    for each in (samples, alone):
        rows = analyse(align(each), "row 0", resamples=1000).rows.set_index(["row", "metric"])
        line = rows.loc[("row 0", "mIoU")]
        widths.append(line["high"] - line["low"])
    assert widths[0] > 1.5 * widths[1]


def test_one_seed_makes_no_seed_claim() -> None:
    found = analyse(few(6, [0, 1]), "row 0", resamples=100)
    assert found.rows["std"].isna().all()
    assert found.comparisons["inside_seed_spread"].isna().all()


def test_gain_smaller_than_what_seeds_change_is_said_to_be_so() -> None:
    table = analyse(few(7, [0, 0, 20], seeds=3), "row 0", resamples=100).comparisons.set_index(
        ["row", "metric"]
    )
    assert bool(table.loc[("row 1", "mIoU"), "inside_seed_spread"]) == (
        abs(table.loc[("row 1", "mIoU"), "effect"]) <= table.loc[("row 1", "mIoU"), "seed_spread"]
    )
    assert not table.loc[("row 2", "mIoU"), "inside_seed_spread"]


def test_rows_on_other_expressions_are_refused() -> None:
    samples = simulate(np.random.default_rng(8), [0, 0], expressions=50, images=20)
    samples["row 1"][0] = samples["row 1"][0].iloc[1:]
    with pytest.raises(UserError, match="row 1"):
        align(samples)


def test_empty_unions_count_as_zero() -> None:
    table = pd.DataFrame({"ref_id": [1, 2], "image_id": ["a", "b"], "intersection": [0, 5], "union": [0, 10]})
    scored = align({"x": {0: table}, "y": {0: table}})
    assert seed_scores(scored, "x")[0].tolist() == list(metrics.score([0, 5], [0, 10]).values())
    assert np.isfinite(analyse(scored, "x", resamples=100).rows[["low", "high"]].to_numpy()).all()


@given(st.data(), st.integers(1, 5), st.integers(1, 5), st.integers(1, 7))
def test_wins_are_those_of_all_pairs_of_seeds(
    data: st.DataObject, mine: int, theirs: int, expressions: int
) -> None:
    def drawn(seeds: int) -> np.ndarray:
        line = st.lists(st.integers(0, 3), min_size=expressions, max_size=expressions)
        return np.array([data.draw(line) for _ in range(seeds)])

    one, other = drawn(mine), drawn(theirs)
    unions = {"one": np.full_like(one, 3), "other": np.full_like(other, 3)}
    scored = Scored(np.zeros(expressions, int), {"one": one, "other": other}, unions)
    pairs = [np.where(a > b, 1, np.where(a == b, 0.5, 0)) for a in one for b in other]
    assert wins(scored, "one", "other").tolist() == [np.mean(pairs, axis=0).tolist()]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_and_keeps_the_order(values: list[float]) -> None:
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert adjusted.min() == pytest.approx(min(1, len(p) * p.min()))
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_large_gain_is_always_found(seed: int) -> None:
    found = analyse(few(seed, [0, 15]), "row 0", metrics=["mIoU"], resamples=500).comparisons.iloc[0]
    assert found["p_holm"] < 0.05
    assert found["low"] > 0


def test_ten_thousand_resamples_take_seconds() -> None:
    scored = align(simulate(np.random.default_rng(9), [0.0] * 8))
    started = time.process_time()
    analyse(scored, "row 0")
    assert time.process_time() - started < 10  # processor time of two cores: 5 s on the clock


def false_positives(tables: int, rows: int, resamples: int, **size: int) -> tuple[float, float, float]:
    """Shares of A/A comparisons found significant: plain, after Holm, and intervals that leave out 0."""
    random = np.random.default_rng(10)
    plain, corrected, outside = [], [], []
    for table in range(tables):
        scored = align(simulate(random, [0.0] * (rows + 1), **size))
        found = analyse(scored, "row 0", metrics=["mIoU"], resamples=resamples, seed=table).comparisons
        plain += list(found["p"] < 0.05)
        corrected += list(found["p_holm"] < 0.05)
        outside += list((found["low"] > 0) | (found["high"] < 0))
    return float(np.mean(plain)), float(np.mean(corrected)), float(np.mean(outside))


def test_equal_rows_are_rarely_called_different() -> None:
    plain, corrected, outside = false_positives(20, 3, 400, expressions=300, images=120)
    assert plain <= 0.15
    assert corrected <= 0.05
    assert outside <= 0.15


@pytest.mark.slow
def test_p_values_of_equal_rows_are_uniform_in_the_long_run() -> None:
    plain, _, outside = false_positives(3000, 1, 999, expressions=300, images=120)
    print(f"\n3000 A/A comparisons: p < 0.05 in {plain:.1%}, interval leaves out 0 in {outside:.1%}")
    assert 0.038 <= plain <= 0.062  # 5 % and three standard errors
    assert outside <= 0.07  # percentile intervals of 120 images are a little short


@pytest.mark.slow
def test_of_two_hundred_equal_rows_hardly_one_is_called_different() -> None:
    plain, corrected, _ = false_positives(40, 5, 2000)
    print(f"\n200 A/A comparisons in tables of 5: p < 0.05 in {plain:.1%}, after Holm in {corrected:.1%}")
    assert corrected <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "seeds", "least"), [(0.6, 1, 0.2), (0.6, 3, 0.35), (0.3, 1, 0.45), (0.3, 3, 0.65)]
)
def test_planted_point_of_miou_is_found(noise: float, seeds: int, least: float) -> None:
    random = np.random.default_rng(11)
    tables, disagree = [], []
    for table in range(100):
        scored = align(simulate(random, [0.0, 1.0], seeds=seeds, noise=noise))
        found = (
            analyse(scored, "row 0", metrics=["mIoU"], resamples=2000, seed=table)
            if seeds < SEEDS
            else analyse_both(scored, "row 0", ["mIoU"])
        )
        tables.append(found.comparisons.iloc[0])
        hits = [scored.intersections[row][0] / scored.unions[row][0] > 0.3 for row in scored.rows]
        disagree.append((hits[0] != hits[1]).mean())
    power = np.mean([each["p_holm"] < 0.05 for each in tables])
    covered = np.mean([each["low"] <= 1 <= each["high"] for each in tables])
    print(
        f"\n1 point, {seeds} seeds, rows that disagree on {np.mean(disagree):.0%} of the expressions: "
        f"found in {power:.0%}, interval covers it in {covered:.0%}"
    )
    assert power >= least
    assert covered >= 0.88


def test_one_row_has_intervals_and_nothing_to_compare() -> None:
    found = analyse(few(0, [0]), "row 0", resamples=20)
    assert len(found.rows) == len(metrics.NAMES)
    assert found.comparisons.empty
    assert "row" in found.comparisons
