"""From sentences to what models read."""

from fianet.decouple import decouple
from fianet.tokens import Tokenizer
from tests.speed.conftest import Speed, interpreting


def test_decoupler(speed: Speed, sentences: list[str]) -> None:
    speed(
        lambda: [decouple(sentence) for sentence in sentences],
        "words",
        "object and position words by rules",
        items=len(sentences),
        unit="sentences",
        reference=interpreting,
    )


def test_tokenizer(speed: Speed, sentences: list[str]) -> None:
    tokenizer = Tokenizer.load(None)
    speed(
        lambda: [tokenizer(sentence, 22) for sentence in sentences],
        "words",
        "tokens and masks",
        items=len(sentences),
        unit="sentences",
        reference=interpreting,
    )
