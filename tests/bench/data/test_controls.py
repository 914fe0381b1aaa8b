from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.data.controls import with_other_sentences
from bench.data.reference import NoMask, Reference


def references(images: list[int]) -> list[Reference]:
    """One reference per number: the number names its image, its position its sentence."""
    return [
        Reference(k, str(image), Path("x.png"), f"sentence {k}", "ship", "test", NoMask(""), None, None)
        for k, image in enumerate(images)
    ]


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 3))
def test_sentences_change_hands_and_nothing_else(images: list[int], seed: int) -> None:
    before = references(images)
    after = with_other_sentences(before, seed)
    assert [(r.ref_id, r.image_id) for r in after] == [(r.ref_id, r.image_id) for r in before]
    assert Counter(r.sentence for r in after) == Counter(r.sentence for r in before)
    if images and 2 * max(Counter(images).values()) <= len(images):
        for reference in after:
            donor = int(reference.sentence.split()[1])
            assert images[donor] != int(reference.image_id)


def test_every_model_reads_the_same_other_sentences() -> None:
    some = references([0, 0, 1, 2, 3, 3])
    assert with_other_sentences(some) == with_other_sentences(some)
    assert with_other_sentences(some, 1) != with_other_sentences(some, 2)
