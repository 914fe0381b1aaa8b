"""Every sentence means exactly its target, by a reader that knows English and nothing of the generator."""

import itertools
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.coco import read_coco
from bench.drawing.scenes import draw
from bench.sentences.expressions import KINDS, choose, expressions, plural
from bench.sentences.predicates import (
    Comparison,
    Direction,
    Inside,
    Instance,
    Scene,
    Size,
)
from tests.bench.sentences.test_predicates import at

# --- the independent reader: sentence -> the set of instances it means, by plain meanings without margins

PLACES = {
    "on the left": (0, None),
    "on the right": (2, None),
    "on the top": (None, 0),
    "at the bottom": (None, 2),
    "in the middle": (1, 1),
    "on the upper left": (0, 0),
    "on the upper right": (2, 0),
    "on the lower left": (0, 2),
    "on the lower right": (2, 2),
}
WAYS = {
    "on the right of": (1, 0),
    "on the left of": (-1, 0),
    "above": (0, -1),
    "below": (0, 1),
    "on the upper right of": (1, -1),
    "on the upper left of": (-1, -1),
    "on the lower right of": (1, 1),
    "on the lower left of": (-1, 1),
}
RATIOS = {
    "similar in size to": (0.8, 1.25),
    "a little smaller than": (1 / 2.1, 0.8),
    "a little bigger than": (1.25, 2.1),
    "much smaller than": (0.0, 1 / 2.2),
    "much bigger than": (2.2, 1e9),
}


def read(scene: Scene, sentence: str) -> set[int]:
    words = sentence.split(" ", 1)[1]
    relations = "|".join(re.escape(w) for w in sorted([*WAYS, *RATIOS, "in"], key=len, reverse=True))
    match = re.fullmatch(rf"(.+?) is ({relations}) the (.+)", words)
    if not match:
        return read_phrase(scene, words)
    (landmark,) = read_phrase(scene, match[3])
    mark = scene.instances[landmark]
    found = set()
    for number in read_phrase(scene, match[1]) - {landmark}:
        it = scene.instances[number]
        if match[2] in WAYS:
            dx, dy = (a - b for a, b in zip(middle(it), middle(mark), strict=True))
            wx, wy = WAYS[match[2]]
            if math.hypot(dx, dy) and (dx * wx + dy * wy) / math.hypot(dx, dy) / math.hypot(wx, wy) > 0.88:
                found.add(number)  # less than about 28 degrees off
        elif match[2] == "in":
            (x, y), (x0, y0, x1, y1) = middle(it), mark.box
            if x0 < x < x1 and y0 < y < y1:
                found.add(number)
        elif RATIOS[match[2]][0] <= it.area / mark.area <= RATIOS[match[2]][1]:
            found.add(number)
    return found


def read_phrase(scene: Scene, words: str) -> set[int]:
    names = {i.category for i in scene.instances}
    category = max((n for n in names if re.search(rf"\b{n}", words)), key=len)
    before, after = re.fullmatch(rf"(.*?)\b(?:{plural(category)}|{category})\b(.*)", words).groups()
    same = [i for i, it in enumerate(scene.instances) if it.category == category]
    found = set(same)
    for word in before.split():
        found &= set(with_word(scene, same, word))
    place = after.strip()
    if place.startswith("on the far"):
        order = sorted(same, key=lambda i: middle(scene.instances[i])[0])
        found &= {order[0] if place.endswith("left") else order[-1]}
    elif place:
        column, row = PLACES[place]
        thirds = {i: [int(3 * v) for v in middle_share(scene, i)] for i in same}
        found &= {i for i, (x, y) in thirds.items() if column in (None, x) and row in (None, y)}
    return found


def with_word(scene: Scene, same: list[int], word: str) -> list[int]:
    if word not in ("tiny", "small", "large", "huge"):
        return [i for i in same if word in (scene.instances[i].colour, scene.instances[i].shape)]
    if len(same) == 1:
        return same
    order = sorted(same, key=lambda i: scene.instances[i].area)
    areas = [scene.instances[i].area for i in order]
    cut = max(range(1, len(areas)), key=lambda k: areas[k] / areas[k - 1])
    assert areas[cut] > 1.7 * areas[cut - 1], "size words need a visible difference"
    few = 3 if word in ("tiny", "huge") else 1
    if word in ("tiny", "small"):
        return [i for i, a in zip(order[:cut], areas, strict=False) if areas[cut] >= few * a]
    return [i for i, a in zip(order[cut:], areas[cut:], strict=True) if a >= few * areas[cut - 1]]


def middle(instance: Instance) -> tuple[float, float]:
    x0, y0, x1, y1 = instance.box
    return x0 + (x1 - x0) / 2, y0 + (y1 - y0) / 2


def middle_share(scene: Scene, number: int) -> tuple[float, float]:
    x, y = middle(scene.instances[number])
    return min(x / scene.width, 0.9999), min(y / scene.height, 0.9999)


# --- properties -----------------------------------------------------------------------------------


@st.composite
def scenes(draw_: st.DrawFn) -> Scene:
    instances = []
    for _ in range(draw_(st.integers(1, 9))):
        x, y = draw_(st.floats(0, 90)), draw_(st.floats(0, 90))
        w, h = draw_(st.floats(1, 60)), draw_(st.floats(1, 60))
        box = (x, y, min(x + w, 100.0), min(y + h, 100.0))
        instances.append(
            Instance(
                category=draw_(st.sampled_from(["ship", "storage tank", "harbor"])),
                box=box,
                area=max(1.0, draw_(st.floats(0.1, 1)) * (box[2] - box[0]) * (box[3] - box[1])),
                colour=draw_(st.sampled_from(["red", "white"])),
                shape=draw_(st.sampled_from([None, "long"])),
            )
        )
    return Scene(100, 100, tuple(instances))


@settings(max_examples=150, deadline=None)
@given(scenes(), st.integers(0, 99))
def test_every_sentence_of_a_random_scene_means_its_targets_and_no_other(scene: Scene, seed: int) -> None:
    for expression in expressions(scene, np.random.default_rng(seed), groups=True):
        assert read(scene, expression.text) == set(expression.targets), expression.text


def test_every_sentence_of_drawn_scenes_means_its_target_and_no_other() -> None:
    for index in range(60):
        scene = draw(5, index, 96).scene
        for expression in expressions(scene, np.random.default_rng(index), groups=True):
            assert read(scene, expression.text) == set(expression.targets), expression.text


def test_every_sentence_on_real_photographs_means_its_target_and_no_other(shared: Path) -> None:
    folder = shared / "data" / "vhr10"
    pictures = read_coco(folder / "instances.json", folder / "images").pictures
    checked = 0
    for picture in pictures:
        for expression in expressions(picture.scene, np.random.default_rng(0)):
            assert read(picture.scene, expression.text) == set(expression.targets), expression.text
            checked += 1
    assert checked > 1500


def test_kinds_come_in_the_shares_of_the_table() -> None:
    used: Counter[str] = Counter()
    rng = np.random.default_rng(0)
    for index in range(150):
        choose(expressions(draw(6, index, 96).scene, rng), 3, used, rng)
    for kind, share in KINDS.items():
        assert used[kind] / sum(used.values()) == pytest.approx(share, abs=0.03)


def test_chosen_sentences_differ_and_spread_over_targets() -> None:
    rng = np.random.default_rng(0)
    for index in range(20):
        chosen = choose(expressions(draw(7, index, 96).scene, rng), 12, Counter(), rng, per_target=2)
        texts = [e.text for e in chosen]
        assert len(set(texts)) == len(texts)
        assert max(Counter(e.targets for e in chosen).values()) <= 2


# --- meanings, one by one -------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(scenes(), st.integers(0, 99))
def test_what_is_said_holds_with_a_margin_of_targets_alone(scene: Scene, seed: int) -> None:
    for expression in expressions(scene, np.random.default_rng(seed), groups=True):
        same = scene.of_class[scene.instances[expression.targets[0]].category]
        fits = {n: [p.judge(scene, n) for p in expression.predicates] for n in same}
        for number in same:
            if number in expression.targets:
                assert all(fits[number]), expression.text
            else:
                assert False in fits[number], expression.text
        if any(isinstance(p, Size | Comparison) for p in expression.predicates):
            assert not any(scene.cut(n) for n in same), expression.text
        if isinstance(expression.relation, Direction | Inside | Comparison):
            assert not scene.cut(expression.relation.landmark), expression.text


def test_nothing_is_said_twice_of_a_target_in_other_words() -> None:
    rng = np.random.default_rng(0)
    for index in range(30):
        chosen = choose(expressions(draw(7, index, 96).scene, rng), 12, Counter(), rng)
        told = [(e.targets, words(e.text)) for e in chosen]
        assert len(set(told)) == len(told)


def words(sentence: str) -> frozenset[str]:
    """The words of a sentence without its article; near-synonyms are one word."""
    return frozenset({"tiny": "small", "huge": "large"}.get(w, w) for w in sentence.split()[1:])


def test_landmarks_are_never_bare() -> None:
    for index in range(40):
        scene = draw(8, index, 96).scene
        for expression in expressions(scene, np.random.default_rng(index)):
            if expression.kind in ("relation", "comparison"):
                assert expression.relation is not None
                assert expression.relation.phrase.predicates, expression.text


def test_groups_are_named_in_the_plural() -> None:
    scene = at((0.1, 0.5), (0.12, 0.55), (0.9, 0.5))
    texts = {e.text: e.targets for e in expressions(scene, np.random.default_rng(0), groups=True)}
    assert texts["All ships"] == (0, 1, 2)
    assert texts["The ships on the left"] == (0, 1)


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("bus", "buses"),
        ("baseball diamond", "baseball diamonds"),
        ("ferry", "ferries"),
        ("quay", "quays"),
        ("gas station", "gas stations"),
        ("aircraft", "aircraft"),
        ("wharf", "wharves"),
        ("person", "people"),
        ("buildings", "buildings"),
        ("solar panels", "solar panels"),
        ("grass", "grasses"),
    ],
)
def test_plurals_are_those_of_english(one: str, several: str) -> None:
    assert plural(one) == several


@pytest.mark.parametrize(
    ("category", "articles"),
    [
        ("airplane", {"An", "The"}),
        ("orange tank", {"An", "The"}),
        ("ship", {"A", "The"}),
        ("university", {"A", "The"}),
        ("aircraft", {"An", "The"}),
        ("solar panels", {"The"}),
    ],
)
def test_articles_suit_the_word_that_follows(category: str, articles: set[str]) -> None:
    scene = Scene(100, 100, (Instance(category, (45.0, 45.0, 55.0, 55.0), 100.0),))
    found = {
        e.text.split()[0]
        for seed in range(20)
        for e in expressions(scene, np.random.default_rng(seed))
        if e.kind in ("class", "position")
    }
    assert found == articles


def test_an_orange_object_is_not_a_orange_one() -> None:
    box = (45.0, 45.0, 55.0, 55.0)
    scene = Scene(100, 100, (Instance("ship", box, 100.0, colour="orange"),))
    texts = [e.text for seed in range(20) for e in expressions(scene, np.random.default_rng(seed))]
    assert "An orange ship" in texts
    assert not any(text.startswith("A orange") for text in texts)


def test_the_same_seed_gives_the_same_sentences() -> None:
    scene = draw(9, 1, 96).scene
    first, second = (expressions(scene, np.random.default_rng(4), groups=True) for _ in range(2))
    assert first == second
    assert all(e.text for e in itertools.chain(first, second))
