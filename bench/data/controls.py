"""Controls at test time: what a model still scores when the sentence says nothing about the mask. Imports no torch."""

import random
from collections.abc import Sequence
from dataclasses import replace

from bench.data.reference import Reference


def with_other_sentences(references: Sequence[Reference], seed: int = 0) -> tuple[Reference, ...]:
    """The same images and masks, each with the sentence of a reference of another image.

    Every sentence is used exactly once, so that only the pairing is lost. The score that remains is what a model
    gets from the image alone (and from sentences that fit by chance).

    Args:
        references: A split, in any order.
        seed: Of the shuffle; one seed for all models, so that they read the same sentences.

    Returns:
        As many references in the same order; a set of one image keeps its sentences among itself.
    """
    groups: dict[str, list[int]] = {}
    for position, reference in enumerate(references):
        groups.setdefault(reference.image_id, []).append(position)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)  # stable; a shift by the largest group then leaves no image its own
    flat = [position for group in order for position in group]
    shift = len(order[0]) if order else 0
    donors = [flat[(place + shift) % len(flat)] for place in range(len(flat))]
    sentences = {taker: references[donor].sentence for taker, donor in zip(flat, donors, strict=True)}
    return tuple(replace(each, sentence=sentences[position]) for position, each in enumerate(references))
