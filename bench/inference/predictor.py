"""Masks and probabilities of sentences in pictures, at the pictures' own size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from bench.config.choices import Precision
from bench.data.decouplers import make_decoupler
from bench.images.picture import Picture
from bench.images.resize import resized
from bench.models.allocator import keep_memory
from bench.models.bundle import Bundle
from bench.models.inputs import TEXT, normalize
from bench.models.looked import looked
from bench.models.precision import computing, refuse_emulation, set_precision
from bench.models.vocabulary import fitting_tokenizer
from bench.terminal.errors import UserError


@dataclass(frozen=True)
class Prediction:
    """What a sentence means in a picture.

    Args:
        mask: (H,W) bool, never where there are no data.
        probability: (H,W) float32, 0..1; NaN where there are no data.
    """

    mask: np.ndarray
    probability: np.ndarray


class Predictor:
    """A model that answers for pictures and sentences, on the GPU if there is one.

    Args:
        bundle: The model.
        vocabulary: Folder or hub id of its tokenizer; None: the one in the bundle.
        precision: In which it computes.

    Raises:
        UserError: No vocabulary, or another model's; a precision that this device does not compute in.
    """

    def __init__(
        self, bundle: Bundle, vocabulary: str | None = None, precision: Precision = Precision.float32
    ) -> None:
        set_precision(precision)
        keep_memory()
        self.precision = precision
        self.size, self.max_tokens = bundle.size, bundle.max_tokens
        self.stretch, self.bands = bundle.stretch, bundle.bands
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        refuse_emulation(precision, self.device.type)
        self.model = bundle.model.to(self.device)
        tokenizer = (
            fitting_tokenizer(vocabulary, bundle.vocab_size, bundle.source)
            if vocabulary
            else bundle.tokenizer()
        )
        if tokenizer is None:
            raise UserError(
                f"{bundle.source}: holds no vocabulary.",
                "Pass vocabulary=DIR, the folder (or hub id, such as bert-base-uncased) of its tokenizer.",
            )
        self.tokenizer = tokenizer
        self.decouple = make_decoupler(bundle.decoupler, bundle.categories)

    def cut(self, text: str) -> bool:
        """Whether the model reads only the beginning of a sentence."""
        return self.tokenizer.length(text) > self.max_tokens

    def unknown(self, text: str) -> list[str]:
        """The words of a sentence that the model's vocabulary does not know."""
        return self.tokenizer.unknown(text)

    def __call__(self, pairs: Sequence[tuple[Picture, str]]) -> list[Prediction]:
        """One batch: pictures of any sizes with one sentence each."""
        logits = self.logits(pairs)
        return [_native(each, picture.valid) for each, (picture, _) in zip(logits, pairs, strict=True)]

    @torch.inference_mode()
    def logits(self, pairs: Sequence[tuple[Picture, str]]) -> torch.Tensor:
        """One batch as `__call__` has it: logits (B,2,S,S) float32 at the model's size; in the mask 1 is larger."""
        pictures = {id(picture): picture for picture, _ in pairs}
        squares = [resized(Image.fromarray(picture.pixels), self.size) for picture in pictures.values()]
        images = normalize(torch.from_numpy(np.stack(squares)).to(self.device))
        places = torch.tensor([[*pictures].index(id(picture)) for picture, _ in pairs], device=self.device)
        rows = [self.tokenizer(text, self.max_tokens, self.decouple) for _, text in pairs]
        words = (
            torch.from_numpy(np.stack([getattr(row, name) for row in rows])).to(self.device) for name in TEXT
        )
        with computing(self.precision, self.device.type):
            return looked(self.model, images)(places, *words).float().cpu()


def _native(logits: torch.Tensor, valid: np.ndarray) -> Prediction:
    """logits (2,S,S) at the size of `valid`, as `bench.training.evaluate` does for protocol.size=native."""
    logits = F.interpolate(logits[None], size=valid.shape, mode="bilinear", align_corners=False)[0]
    probability = torch.softmax(logits, dim=0)[1].numpy()
    probability[~valid] = np.nan
    return Prediction((logits[1] > logits[0]).numpy() & valid, probability)
