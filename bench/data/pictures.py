"""A data set image by image: each is read once, with every expression about it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bench.data.dataset import ReferringDataset, Sample, seed_worker
from bench.images.resize import resize_mask


class Pictures(Dataset[Sample]):
    """The images of a data set in the order in which its expressions name them.

    A sample is that of `ReferringDataset` with one image (3,S,S) and a row for each of its E expressions in all else.

    Args:
        dataset: The expressions.
    """

    def __init__(self, dataset: ReferringDataset) -> None:
        self.dataset = dataset
        places: dict[Path, list[int]] = {}
        for place, reference in enumerate(dataset.references):
            places.setdefault(reference.image, []).append(place)
        self.places = list(places.values())

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Sample:
        """Image `number`. Raises DataError when it or a mask cannot be read."""
        places = self.places[number]
        references = [self.dataset.references[place] for place in places]
        sources = dict.fromkeys(reference.mask for reference in references)
        masks = {mask: torch.from_numpy(resize_mask(mask.read(), self.dataset.size)) for mask in sources}
        return {
            "image": torch.from_numpy(self.dataset.images(references[0].image)),
            "target": torch.stack([masks[reference.mask] for reference in references]),
            **{name: torch.from_numpy(values[places]) for name, values in self.dataset.tokens.items()},
            "index": torch.tensor(places),
        }

    def batches(self, numbers: Sequence[int], most: int) -> Iterator[list[int]]:
        """Neighbouring images with at most `most` expressions together; an image with more is alone."""
        batch: list[int] = []
        expressions = 0
        for number in numbers:
            if batch and expressions + len(self.places[number]) > most:
                yield batch
                batch, expressions = [], 0
            batch.append(number)
            expressions += len(self.places[number])
        if batch:
            yield batch


def picture_loader(
    pictures: Pictures, numbers: Sequence[int], most: int, workers: int
) -> DataLoader[dict[str, Tensor]]:
    """Batches of whole images, in order: image (I,3,S,S), all else with a row per expression, and `place`.

    Args:
        pictures: The images.
        numbers: Which of them.
        most: Expressions in a batch.
        workers: Loading processes; 0: load in this one.
    """
    return DataLoader(
        pictures,
        batch_sampler=list(pictures.batches(numbers, most)),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        collate_fn=_together,
        worker_init_fn=seed_worker,
        generator=torch.Generator().manual_seed(0),
    )


def _together(samples: list[Sample]) -> dict[str, Tensor]:
    """One batch; `place` (E,) says which of its images an expression is about."""
    batch = {name: torch.cat([each[name] for each in samples]) for name in samples[0] if name != "image"}
    counts = torch.tensor([len(each["index"]) for each in samples])
    batch["place"] = torch.arange(len(samples)).repeat_interleave(counts)
    batch["image"] = torch.stack([each["image"] for each in samples])
    return batch
