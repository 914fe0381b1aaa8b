"""Every split of a data set as samples, ready for a model."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.config.further import further_data
from bench.config.schema import Config
from bench.data.controls import with_other_sentences
from bench.data.dataset import ReferringDataset
from bench.data.decouplers import make_decoupler
from bench.data.further import further_references
from bench.data.reference import SHUFFLED, Reference
from bench.data.subset import Subset, training_subset
from bench.data.usable import usable_references
from bench.storage.splits import TEST, further_set, further_split
from fianet.tokens import Tokenizer


@dataclass(frozen=True)
class Sets:
    """What a cell reads.

    Attributes:
        splits: Every split as samples, `shuffled` and the test splits of further sets among them.
        skipped: How many references of each split were left out as unusable.
        training: Which part of the training split is used.
        tokenizer: The vocabulary.
    """

    splits: dict[str, ReferringDataset]
    skipped: dict[str, int]
    training: Subset
    tokenizer: Tokenizer

    @property
    def scored(self) -> list[list[str]]:
        """The splits that are scored at the end, those with the same images together, those of further sets last."""
        further = [split for split in self.splits if further_set(split)]
        return [["val"], [TEST, SHUFFLED], *([split] for split in further)]


def open_sets(
    config: Config, tokenizer: Tokenizer, most: Mapping[str, int] | None = None, *, tell: bool = False
) -> Sets:
    """Every split as samples, the test split once more with the sentences of other images, and those of further sets.

    The decoupler knows the classes of the set that is trained on, whatever set it reads.

    Args:
        config: The cell's.
        tokenizer: Of its text encoder.
        tell: Whether to say on stderr how many sentences hold words that the vocabulary does not know.
        most: How many references of each split are enough (a rehearsal's): those with the longest sentences; of a
            further set as many as of `test`.

    Raises:
        UserError: A data set has errors and none may be skipped.
    """
    references, skipped = usable_references(config.data)
    categories = {reference.category for each in references.values() for reference in each}
    training = training_subset(references["train"], config.data)
    references |= {"train": training.references}
    source = dict.fromkeys(references, config.data)
    for data in further_data(config):
        split = further_split(data.name)
        references[split], skipped[split] = further_references(data)
        source[split] = data
    if most is not None:
        references = {
            split: _longest(each, most[split if split in most else TEST])
            for split, each in references.items()
        }
    if tell and (said := unknown_words(references, tokenizer)):
        print(said, file=sys.stderr, flush=True)
    references |= {SHUFFLED: with_other_sentences(references[TEST])}
    decoupler = make_decoupler(config.protocol.decoupler, sorted(categories))
    splits = {
        split: ReferringDataset(
            each,
            tokenizer,
            config.recipe.size,
            config.data.max_tokens,
            source.get(split, config.data),
            decoupler,
        )
        for split, each in references.items()
    }
    return Sets(splits, skipped, training, tokenizer)


def unknown_words(references: Mapping[str, Sequence[Reference]], tokenizer: Tokenizer) -> str:
    """How many sentences hold words that the vocabulary does not know, and which, in a line; empty: none."""
    sentences = [reference.sentence for each in references.values() for reference in each]
    found = [unknown for sentence in sentences if (unknown := tokenizer.unknown(sentence))]
    if not found:
        return ""
    words = Counter(word for unknown in found for word in unknown)
    few = ", ".join(word for word, _ in words.most_common(5))
    return (
        f"{len(found):,} of {len(sentences):,} sentences hold words that the vocabulary does not know, "
        f"and that are one to the model (most often: {few})."
    )


def _longest(references: Sequence[Reference], most: int) -> tuple[Reference, ...]:
    """The references of the most words, in which phrases of every kind occur."""
    return tuple(sorted(references, key=lambda each: -len(each.sentence.split()))[:most])
