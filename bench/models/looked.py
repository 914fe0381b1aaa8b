"""Several sentences about one image: what no word changes is computed once."""

from collections.abc import Callable

from torch import Tensor, nn

from fianet.segmenter import Segmenter

Answers = Callable[..., Tensor]


def looked(model: nn.Module, images: Tensor) -> Answers:
    """Looks at images, to answer sentences about them.

    Args:
        model: Our segmenter, or another package's, which begins anew for every sentence.
        images: (I,3,H,W), normalised.

    Returns:
        Makes logits (E,2,H,W) of E positions in `images` and the token rows (E,N) of a sentence about each.
    """
    if isinstance(model, Segmenter):
        look = model.look(images)
        return lambda places, *words: model.answer(look.rows(places), *words)
    return lambda places, *words: model(images.index_select(0, places), *words)
