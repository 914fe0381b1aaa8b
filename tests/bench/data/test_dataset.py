"""Samples and batches are exact, whoever loads them."""

import pickle

import numpy as np
import pytest
import torch
from torchvision.transforms import functional as transforms

from bench.data.dataset import ReferringDataset, loader
from bench.data.index import read_index
from bench.images.resize import read_resized, resize_mask
from bench.models.inputs import normalize
from bench.terminal.errors import DataError
from fianet.tokens import Tokenizer

SIZE, TOKENS = 24, 12


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(None)


@pytest.fixture
def dataset(rrsisd, tokenizer) -> ReferringDataset:
    return ReferringDataset(read_index(rrsisd.data).references, tokenizer, SIZE, TOKENS)


def same(left: list[dict[str, torch.Tensor]], right: list[dict[str, torch.Tensor]]) -> bool:
    pairs = zip(left, right, strict=True)
    return all(a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in pairs)


def test_a_sample_holds_the_reference(dataset, tokenizer) -> None:
    for index, reference in enumerate(dataset.references):
        sample = dataset[index]
        assert sample["index"] == index
        assert np.array_equal(sample["image"].numpy(), read_resized(reference.image, SIZE))
        assert np.array_equal(sample["target"].numpy(), resize_mask(reference.mask.read(), SIZE))
        assert (sample["image"].dtype, sample["target"].dtype) == (torch.uint8, torch.uint8)
        for name, values in tokenizer(reference.sentence, TOKENS)._asdict().items():
            assert sample[name].dtype == torch.int64
            assert np.array_equal(sample[name].numpy(), values)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_follow_the_order_and_keep_the_last(dataset, workers: int) -> None:
    order = [5, 0, 0, 3, 2]
    batches = list(loader(dataset, 2, order, workers))
    assert [batch["index"].tolist() for batch in batches] == [[5, 0], [0, 3], [2]]


def test_worker_processes_change_no_byte(dataset) -> None:
    order = [3, 1, 5, 0, 4]
    assert same(list(loader(dataset, 2, order, 0)), list(loader(dataset, 2, order, 2)))


def test_cache_changes_no_byte(dataset, rrsisd, tokenizer) -> None:
    cached = ReferringDataset(dataset.references, tokenizer, SIZE, TOKENS, rrsisd.data)
    assert type(cached.images) is not type(dataset.images)
    for workers in (0, 2):
        assert same(list(loader(dataset, 4, range(6), 0)), list(loader(cached, 4, range(6), workers)))


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_takes_nothing_from_the_global_random_state(dataset, workers: int) -> None:
    before = torch.get_rng_state()
    list(loader(dataset, 2, range(6), workers))
    assert torch.equal(torch.get_rng_state(), before)


def test_dataset_goes_to_another_process(dataset, rrsisd, tokenizer) -> None:
    cached = ReferringDataset(dataset.references, tokenizer, SIZE, TOKENS, rrsisd.data)
    again = pickle.loads(pickle.dumps(cached))
    assert same([again[2] | {"index": torch.tensor(2)}], [cached[2] | {"index": torch.tensor(2)}])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_image_stops_loading_and_is_named(dataset, workers: int) -> None:
    dataset.references[4].image.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"00004\.jpg"):
        list(loader(dataset, 2, range(6), workers))


def test_an_empty_split_is_an_empty_dataset(tokenizer) -> None:
    assert len(ReferringDataset((), tokenizer, SIZE, TOKENS)) == 0


def test_refsegrs_gives_the_same_sample_type(refsegrs, dataset, tokenizer) -> None:
    other = ReferringDataset(read_index(refsegrs.data).references, tokenizer, SIZE, TOKENS)
    shapes = [{k: torch.as_tensor(v).shape for k, v in each[0].items()} for each in (dataset, other)]
    assert shapes[0] == shapes[1]


def test_normalize_is_torchvision_s(dataset) -> None:
    batch = next(iter(loader(dataset, 3, range(3), 0)))["image"]
    expected = transforms.normalize(batch.float() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert torch.allclose(normalize(batch), expected, atol=1e-6)
