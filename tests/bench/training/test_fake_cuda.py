"""Tensors that only pretend to lie on a GPU run through every model: one that stays behind on the CPU stops them."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from bench.config.choices import Decoder, Fusion, Neck
from bench.config.compose import configuration
from bench.data.augment import erase_boxes
from bench.inference.alignment import fiams, read
from bench.models.build import build_model
from bench.models.inputs import normalize
from bench.training.losses import LOSSES, segmentation_loss

VOCABULARY, TOKENS, SIZE, BATCH = 200, 12, 64, 2
SMALL = [
    *("model.encoder.embed_dim=8", "model.encoder.depths=[1,1,1,1]", "model.encoder.heads=[1,1,2,2]"),
    *("model.encoder.window=4", "model.text.width=16", "model.text.layers=1", "model.text.trained_layers=1"),
]
MIXTURES = list(product(Fusion, Neck, Decoder))


def on_fake_gpu(model: nn.Module) -> nn.Module:
    """The model with weights and buffers that have a shape and a device, and no numbers."""

    def moved(tensor: Tensor) -> Tensor:
        return torch.empty(tensor.shape, dtype=tensor.dtype, device="cuda")

    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                module._parameters[name] = nn.Parameter(moved(weight), weight.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = moved(buffer)
    return model


def built(fusion: Fusion, neck: Neck, decoder: Decoder) -> nn.Module:
    words = [f"model.fusion={fusion}", f"model.neck={neck}", f"model.decoder={decoder}"]
    return build_model(configuration([*SMALL, *words]).model, VOCABULARY, SIZE)


def texts() -> list[Tensor]:
    return [torch.ones(BATCH, TOKENS, dtype=torch.int64, device="cuda") for _ in range(4)]


def pixels() -> Tensor:
    return torch.zeros(BATCH, 3, SIZE, SIZE, dtype=torch.uint8, device="cuda")


@pytest.mark.parametrize(("fusion", "neck", "decoder"), MIXTURES, ids=lambda value: str(value))
def test_every_mixture_runs_where_its_inputs_lie(fusion: Fusion, neck: Neck, decoder: Decoder) -> None:
    model = built(fusion, neck, decoder)
    with FakeTensorMode():
        logits = on_fake_gpu(model)(normalize(pixels()), *texts())
        assert logits.device.type == "cuda"
        assert logits.shape == (BATCH, 2, SIZE, SIZE)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_stay_on_the_device(name: str) -> None:
    with FakeTensorMode():
        logits = torch.zeros(BATCH, 2, SIZE, SIZE, device="cuda")
        target = torch.zeros(BATCH, SIZE, SIZE, dtype=torch.int64, device="cuda")
        assert segmentation_loss(logits, target, name).device.type == "cuda"


class Positions:
    """Positions in a data set; a tensor's numbers cannot be asked for among pretended ones."""

    def tolist(self) -> list[int]:
        return [0, 1]


def test_black_boxes_stay_on_the_device() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True):
        erased = erase_boxes(pixels(), Positions(), chosen=frozenset({0}), seed=0, epoch=0)
        assert erased.device.type == "cuda"


@pytest.mark.parametrize("fusion", [Fusion.fiam, Fusion.fiam_direct])
def test_maps_are_read_on_the_device(fusion: Fusion) -> None:
    model = built(fusion, Neck.tmem, Decoder.simple).eval()
    calls: list[tuple] = []
    for fiam in fiams(model):
        fiam.register_forward_hook(lambda module, given, _: calls.append((module, *given)))
    with FakeTensorMode():
        on_fake_gpu(model)(normalize(pixels()), *texts())
        named = torch.ones(BATCH, TOKENS, dtype=torch.int64, device="cuda")
        found = [values for call in calls for values in read(*call, named).values()]
        assert len(found) == 12
        assert {values.device.type for values in found} == {"cuda"}


def test_a_tensor_left_on_the_cpu_is_caught() -> None:
    model = built(Fusion.fiam, Neck.tmem, Decoder.simple)
    forward = model.decoder.forward
    shift = torch.ones(2)
    model.decoder.forward = lambda *maps: forward(*maps) + shift[:, None, None]
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        pytest.raises((RuntimeError, ValueError), match="device"),
    ):
        on_fake_gpu(model)(normalize(pixels()), *texts())
