"""What is computed once: what no word changes of an image, and what a frozen text encoder makes of a sentence."""

from collections.abc import Callable

from torch import Tensor, nn

from fianet.remembered import remember
from fianet.segmenter import Segmenter
from fianet.text import TextEncoder

Answers = Callable[..., Tensor]


def looked(model: nn.Module, images: Tensor) -> Answers:
    """Looks at images, to answer sentences about them.

    Args:
        model: Our segmenter, or another package's, which begins anew for every sentence; so does a segmenter of
            ours whose `forward` another package has replaced.
        images: (I,3,H,W), normalised.

    Returns:
        Makes logits (E,2,H,W) of E positions in `images` and the token rows (E,N) of a sentence about each.
    """
    if isinstance(model, Segmenter) and type(model).forward is Segmenter.forward:
        look = model.look(images)
        return lambda places, *words: model.answer(look.rows(places), *words)
    return lambda places, *words: model(images.index_select(0, places), *words)


def remember_text(model: nn.Module) -> None:
    """Keeps features of sentences where a model's text encoder is frozen; models of other packages stay."""
    if isinstance(model, Segmenter) and isinstance(model.text, TextEncoder):
        remember(model.text)
