from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.compose import configuration
from bench.config.request import Request
from bench.config.schema import DataConfig
from bench.data.reference import NoMask, Reference
from bench.data.subset import limit_note, training_subset
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from tests.bench.study.test_plan import id_of

IMAGES = st.lists(st.text(min_size=1), min_size=1, max_size=40)


def references(images: list[str]) -> list[Reference]:
    return [
        Reference(place, name, Path(name), "A ship", "ship", "train", NoMask(""))
        for place, name in enumerate(images)
    ]


def chosen(images: list[str], **part: float) -> set[str]:
    subset = training_subset(references(images), replace(DataConfig(), **part))  # type: ignore[arg-type]
    found = {each.image_id for each in subset.references}
    assert len(found) == subset.images
    assert subset.of == len(set(images))
    return found


@given(IMAGES, st.floats(1e-6, 1), st.floats(1e-6, 1))
def test_the_smaller_fraction_lies_in_the_larger_one(images: list[str], one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert chosen(images, fraction=small) <= chosen(images, fraction=large)
    assert len(chosen(images, fraction=large)) == max(1, round(large * len(set(images))))


@given(IMAGES, st.integers(1, 50))
def test_all_references_of_an_image_stay_together_in_their_order(images: list[str], limit: int) -> None:
    subset = training_subset(references(images), replace(DataConfig(), limit=limit))
    kept = {each.image_id for each in subset.references}
    assert [each.ref_id for each in subset.references] == [
        place for place, name in enumerate(images) if name in kept
    ]
    assert len(kept) == min(limit, len(set(images)))


@given(IMAGES, st.integers(1, 50), st.randoms())
def test_the_order_of_the_files_chooses_no_image(images: list[str], limit: int, order) -> None:
    before = chosen(images, limit=limit)
    order.shuffle(images)
    assert chosen(images, limit=limit) == before


def test_a_choice_is_the_same_in_every_version() -> None:
    names = [f"{number:05d}" for number in range(10)]
    assert chosen(names, limit=3) == {"00002", "00006", "00009"}


def test_more_than_there_are_is_told_in_one_line() -> None:
    data = replace(DataConfig(), limit=5)
    said = limit_note(data, training_subset(references(["a", "b"]), data))
    assert said == "data.limit=5: rrsisd has 2 training images; all of them are used."
    assert limit_note(data, training_subset(references(list("abcdef")), data)) == ""


@pytest.mark.parametrize(
    "wrong", ["data.limit=0", "data.fraction=0", "data.fraction=1.01", "data.fraction=nan"]
)
def test_parts_that_cannot_be_are_refused(wrong: str) -> None:
    with pytest.raises(UserError, match=r"is too|no number"):
        configuration([wrong])


def test_only_one_of_both_may_say_how_many() -> None:
    with pytest.raises(UserError, match=r"data\.limit=3, data\.fraction=0\.5: both say"):
        configuration(["data.limit=3", "data.fraction=0.5"])


def test_ids_change_with_the_part_and_only_where_there_is_one() -> None:
    ids = [id_of(), id_of("data.limit=3"), id_of("data.fraction=0.1"), id_of("data.fraction=0.2")]
    assert len(set(ids)) == 4
    assert id_of("data.fraction=1") == id_of()


def test_a_plan_counts_the_part_of_training_and_whole_val_and_test(drawn: list[str]) -> None:
    whole, part = (
        next(iter(prepare(Request.parse([*drawn, *more])).samples.values()))
        for more in ([], ["data.limit=4"])
    )
    assert part["train"] < whole["train"]
    assert part | {"train": 0} == whole | {"train": 0}


def test_rows_on_parts_of_one_set_are_one_group_of_columns(drawn: list[str]) -> None:
    plan = prepare(Request.parse([*drawn, "ablation=fractions"]))
    assert {cell.dataset for cell in plan.cells} == {"synthetic"}
    assert len({cell.id for cell in plan.cells}) == 8
    assert len({plan.samples[cell.id]["train"] for cell in plan.cells}) == 4
