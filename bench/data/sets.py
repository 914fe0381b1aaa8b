"""Every split of a data set as samples, ready for a model."""

from dataclasses import dataclass

from bench.config.schema import Config
from bench.data.controls import with_other_sentences
from bench.data.dataset import ReferringDataset
from bench.data.decouplers import make_decoupler
from bench.data.reference import SHUFFLED
from bench.data.usable import usable_references
from fianet.tokens import Tokenizer


@dataclass(frozen=True)
class Sets:
    """The splits a cell reads, `shuffled` among them, how many references of each were left out, the vocabulary."""

    splits: dict[str, ReferringDataset]
    skipped: dict[str, int]
    tokenizer: Tokenizer


def open_sets(config: Config, tokenizer: Tokenizer) -> Sets:
    """Every split as samples, and the test split once more with the sentences of other images.

    Raises:
        UserError: The data set has errors and none may be skipped.
    """
    references, skipped = usable_references(config.data)
    references |= {SHUFFLED: with_other_sentences(references["test"])}
    categories = {reference.category for each in references.values() for reference in each}
    decoupler = make_decoupler(config.protocol.decoupler, sorted(categories))
    splits = {
        split: ReferringDataset(
            each, tokenizer, config.recipe.size, config.data.max_tokens, config.data, decoupler
        )
        for split, each in references.items()
    }
    return Sets(splits, skipped, tokenizer)
