"""What only RMSIN has: a neck tied to one image size and a kernel turned for each sample."""

import math
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F

from baselines.rmsin import cim
from baselines.rotated import RotatedConv, Rotation

CHANNELS = (16, 32, 64, 128)


def maps(height: int, width: int, samples: int = 2) -> list[torch.Tensor]:
    sides = [(-(-height // step), -(-width // step)) for step in (4, 8, 16, 32)]
    return [torch.randn(samples, channels, *side) for channels, side in zip(CHANNELS, sides, strict=True)]


@pytest.mark.parametrize("image", [(480, 480), (96, 96), (256, 128), (75, 210), (33, 32)])
def test_neck_is_built_for_any_image_size(image: tuple[int, int]) -> None:
    given = maps(*image)
    mixed = cim(CHANNELS, image)(given, {})
    assert [each.shape for each in mixed] == [each.shape for each in given]


def test_neck_for_480_pixels_mixes_314_tokens_into_225() -> None:
    assert cim(CHANNELS, (480, 480)).mixer.across1.attention.mix.weight.shape == (225, 314)


def test_another_image_size_is_refused_with_what_to_do() -> None:
    neck = cim(CHANNELS, (480, 480))
    with pytest.raises(
        ValueError, match=r"built for 480x480 images \(map 15x15\), got a map of 12x15"
    ) as error:
        neck(maps(384, 480), {})
    assert "Resize the images" in str(error.value)


def test_angle_zero_leaves_the_kernel_alone() -> None:
    torch.testing.assert_close(Rotation()(torch.zeros(1))[0], torch.eye(9))


@pytest.mark.parametrize("degrees", [-40, -17.0, -1e-3, 1e-3, 25.0, 40.0])
def test_turning_mixes_taps_with_weights_that_sum_to_one(degrees: float) -> None:
    turn = Rotation()(torch.tensor([math.radians(degrees)]))[0]
    torch.testing.assert_close(turn.sum(dim=1), torch.ones(9))
    assert (turn >= -1e-6).all()


def test_turning_back_is_the_mirror_image_of_turning_on() -> None:
    angle = torch.tensor([0.4])
    mirror = torch.arange(9).reshape(3, 3).flip(1).flatten()
    torch.testing.assert_close(Rotation()(-angle)[0], Rotation()(angle)[0][mirror][:, mirror])


def test_each_sample_is_convolved_with_its_own_kernel() -> None:
    layer, x = RotatedConv(6, 8).eval(), torch.randn(3, 6, 9, 11)
    strength, angle = layer.routing(x)
    together = layer(x)
    for index, turn in enumerate(strength[:, None, None] * Rotation()(angle)):
        kernel = torch.einsum("ij,ocj->oci", turn, layer.weight.flatten(2)).unflatten(-1, (3, 3))
        alone = F.conv2d(x[index : index + 1], kernel, padding=1)
        torch.testing.assert_close(together[index : index + 1], alone, atol=1e-5, rtol=1e-5)


def test_kernels_are_turned_in_float32_whatever_autocast_says() -> None:
    torch.manual_seed(0)
    layer, angle = RotatedConv(6, 8).eval(), torch.linspace(-0.69, 0.69, 13)
    exact = layer.rotation(angle)
    with torch.autocast("cpu", torch.bfloat16), patch.object(F, "conv2d", wraps=F.conv2d) as convolve:
        assert torch.equal(layer.rotation(angle), exact)
        routed = layer.routing(torch.randn(3, 6, 9, 11))
        with patch.object(layer.routing, "forward", return_value=routed):
            layer(torch.randn(3, 6, 9, 11))
    strength, turned = routed
    assert strength.dtype is turned.dtype is torch.float32
    assert not torch.equal(turned, turned.bfloat16().float())
    turn = strength[:, None, None] * layer.rotation(turned)
    expected = torch.einsum("bij,ocj->boci", turn, layer.weight.flatten(2)).reshape(24, 6, 3, 3)
    assert torch.equal(convolve.call_args.args[1], expected)
