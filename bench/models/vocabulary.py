"""Vocabularies: of a configured text encoder, of a model that knows so many word pieces, and as text to carry along.

Imports no torch.
"""

from pathlib import Path

from bench.config.schema import Config, named_weights
from bench.models.pretrained import locate_text
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer

VOCABULARY_FILES = ("tokenizer.json", "vocab.txt")  # the first that is there is the one that is used


def configured_tokenizer(config: Config) -> Tokenizer:
    """The tokenizer of the configured text encoder: that of its pretrained weights, else the shipped one."""
    pretrained = named_weights(config.model.text.pretrained)
    return Tokenizer.load(str(locate_text(pretrained, weights=False)) if pretrained else None)


def fitting_tokenizer(pretrained: str | None, vocab_size: int, source: str) -> Tokenizer:
    """A tokenizer for a model that knows `vocab_size` word pieces.

    Args:
        pretrained: Folder or hub id; None: the shipped vocabulary.
        vocab_size: Word pieces of the model.
        source: Where the model comes from, for messages.

    Raises:
        UserError: No usable vocabulary, or one of another model.
    """
    try:
        tokenizer = Tokenizer.load(pretrained)
    except ValueError as error:
        raise UserError(
            f"{source}: its vocabulary cannot be read ({error}).",
            "Pass vocabulary=DIR, a folder with vocab.txt.",
        ) from error
    if tokenizer.vocab_size > vocab_size:
        raise UserError(
            f"{source}: knows {vocab_size} word pieces, the vocabulary has {tokenizer.vocab_size}.",
            "Pass vocabulary=DIR, the one it was trained with.",
        )
    return tokenizer


def vocabulary_text(folder: Path) -> dict[str, str]:
    """Name and content of the tokenizer file in a folder.

    Raises:
        UserError: There is none.
    """
    for name in VOCABULARY_FILES:
        if (folder / name).is_file():
            return {name: (folder / name).read_text(encoding="utf-8")}
    raise UserError(
        f"{folder}: holds neither {' nor '.join(VOCABULARY_FILES)}.",
        "Pass the folder of the vocabulary it was trained with.",
    )
