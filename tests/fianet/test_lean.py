"""What is kept little of must be what the plain forms compute, in values and gradients."""

import pytest
import torch
import torch.nn.functional as F
from timm.models.swin_transformer import SwinTransformerBlock
from torch import Tensor

from fianet.lean import attend, linear_of_gelu
from fianet.swin import ShiftedWindowAttention, shifted_windows

HEADS, N, C, WINDOWS = 2, 9, 4, 4


def plain_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5 + bias
    if mask is not None:
        scores = (scores.unflatten(0, (-1, len(mask))) + mask[:, None]).flatten(0, 1)
    return scores.softmax(dim=-1) @ value


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("images", [1, 3])
def test_attention_is_the_plain_one(masked: bool, images: int) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    parts = [draw(images * WINDOWS, HEADS, N, C) for _ in range(3)]
    bias = draw(HEADS, N, N)
    mask = -100.0 * (torch.rand(WINDOWS, N, N, generator=generator) < 0.3).double() if masked else None
    found, wanted = attend(*parts, bias, mask), plain_attention(*parts, bias, mask)
    torch.testing.assert_close(found, wanted)
    weight = torch.randn(wanted.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((each * weight).sum(), (*parts, bias)) for each in (found, wanted)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(attend(*parts, bias, mask), wanted)


def test_linear_of_gelu_is_the_plain_one() -> None:
    x, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((2, 3, 5), (4, 5), (4,))
    )
    found, wanted = linear_of_gelu(x, weight, bias), F.linear(F.gelu(x), weight, bias)
    torch.testing.assert_close(found, wanted)
    ours, theirs = (torch.autograd.grad(each.sin().sum(), (x, weight, bias)) for each in (found, wanted))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_little_is_kept_for_the_way_back() -> None:
    kept: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.untyped_storage().nbytes())
        return tensor

    tokens = torch.randn(WINDOWS, HEADS, 144, C, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        attend(tokens, tokens, tokens, torch.zeros(HEADS, 144, 144), None)
    assert sum(kept) < tokens.numel() * 4 * 5 + HEADS * 144 * 144 * 4
    assert max(kept) < WINDOWS * HEADS * 144 * 144 * 4  # the weights of every pixel on every other


@pytest.mark.parametrize(("height", "width"), [(12, 12), (18, 12)])
def test_mask_of_shifted_windows_is_the_one_of_timm(height: int, width: int) -> None:
    window = 6
    block = SwinTransformerBlock(
        8, (height, width), num_heads=2, window_size=window, shift_size=3, dynamic_mask=True
    )
    x = torch.zeros(1, height, width, 8)
    wanted = block.get_attn_mask(x)
    assert wanted is not None
    torch.testing.assert_close(shifted_windows(x, window), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("shift", [0, 3])
def test_padding_after_the_products_is_padding_before_them(shift: int) -> None:
    attention = ShiftedWindowAttention(8, 2, 6, shift).double()
    torch.nn.init.normal_(attention.qkv.bias)
    x = torch.randn(2, 10, 7, 8, dtype=torch.float64)
    padded = F.pad(x, (0, 0, 0, 5, 0, 2))
    mask = shifted_windows(x, 6)
    torch.testing.assert_close(attention(x, mask), attention(padded, mask)[:, :10, :7])
