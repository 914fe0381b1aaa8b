"""Referring expressions as training samples."""

import copy
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench.config.schema import DataConfig
from bench.data.decouplers import Split
from bench.data.reference import Reference
from bench.data.resized import DirectReader, ImageReader, image_reader
from bench.images.resize import resize_mask
from fianet.decouple import decouple
from fianet.tokens import Tokenizer, Tokens

Sample = dict[str, Any]


class ReferringDataset(Dataset[Sample]):
    """Image, sentence and mask of each reference, resized to one square.

    A sample is a dict: image (3,S,S) uint8 RGB; target (S,S) uint8 of 0 and 1; ids, context_mask,
    object_mask, position_mask (N,) int64; index, its position in `references`.

    Args:
        references: In the order of the samples.
        tokenizer: Makes N word pieces of each sentence, here and now.
        size: S.
        max_tokens: N.
        data: Where resized images may be kept; None: every image is decoded each time.
        decoupler: Splits a sentence into object and position words.
    """

    def __init__(
        self,
        references: Sequence[Reference],
        tokenizer: Tokenizer,
        size: int,
        max_tokens: int,
        data: DataConfig | None = None,
        decoupler: Split = decouple,
    ) -> None:
        self.references = references
        self.size = size
        self.images: ImageReader = DirectReader(size)
        if data is not None:
            self.images = image_reader((reference.image for reference in references), size, data)
        rows = [tokenizer(reference.sentence, max_tokens, decoupler) for reference in references]
        self.tokens = {name: np.array([getattr(row, name) for row in rows]) for name in Tokens._fields}

    def __len__(self) -> int:
        return len(self.references)

    def __getitem__(self, index: int) -> Sample:
        """Sample `index`. Raises DataError when its image or mask cannot be read."""
        reference = self.references[index]
        return {
            "image": torch.from_numpy(self.images(reference.image)),
            "target": torch.from_numpy(resize_mask(reference.mask.read(), self.size)),
            **{name: torch.from_numpy(values[index]) for name, values in self.tokens.items()},
            "index": index,
        }


def joined(datasets: Sequence[ReferringDataset]) -> ReferringDataset:
    """The samples of all, one after the other; images are read as the first one reads its own."""
    whole = copy.copy(datasets[0])
    whole.references = [reference for each in datasets for reference in each.references]
    whole.tokens = {name: np.concatenate([each.tokens[name] for each in datasets]) for name in whole.tokens}
    return whole


def loader(
    dataset: ReferringDataset, batch_size: int, order: Sequence[int], workers: int
) -> DataLoader[dict[str, Tensor]]:
    """Batches of exactly these samples in exactly this order, the last batch kept.

    Takes nothing from torch's global random state: resuming and the number of workers change no number.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch.
        order: Positions in the data set.
        workers: Loading processes; 0: load in this one.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=order,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=seed_worker,
        generator=torch.Generator().manual_seed(0),
    )


def seed_worker(worker: int) -> None:
    """Gives each loading process its own random state (torch has seeded itself already)."""
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
