"""Products that keep little for the way back: what is cheap to compute again is not kept.

Same values and gradients as the plain forms, within rounding. A window attention keeps queries, keys and values, not
the weights of every pixel on every other (Dao et al., NeurIPS 2022, sec. 3.1); a feed-forward keeps its hidden
features once, not before and after the activation. `keep_inputs_alone` goes further, for time.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    """Attention inside windows.

    Args:
        query: (B*windows,heads,N,C); `key` and `value` likewise.
        bias: (heads,N,N), added to the scores of every window.
        mask: (windows,N,N), added to those of every head; None: nothing.

    Returns:
        (B*windows,heads,N,C).
    """
    bias = bias.to(query.dtype)
    if mask is not None:
        mask = mask.to(query.dtype)
    if torch.is_grad_enabled():
        return _Attend.apply(query, key, value, bias, mask)
    return _gather(query, key, value, bias, mask)


def _gather(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
    # windows beside heads: one mask then serves all images of the batch
    windows = len(mask)
    query, key, value = (each.unflatten(0, (-1, windows)).flatten(1, 2) for each in (query, key, value))
    both = (bias + mask[:, None]).flatten(0, 1)[None]
    gathered = F.scaled_dot_product_attention(query, key, value, attn_mask=both)
    return gathered.unflatten(1, (windows, -1)).flatten(0, 1)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, mask: Tensor | None
    ) -> Tensor:
        gathered = _gather(query, key, value, bias, mask)
        ctx.save_for_backward(query, key, value, bias, mask, gathered)
        return gathered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        query, key, value, bias, mask, gathered = ctx.saved_tensors
        scale = query.shape[-1] ** -0.5
        scores = (query * scale) @ key.transpose(-2, -1)
        scores += bias
        if mask is not None:
            scores.unflatten(0, (-1, len(mask))).add_(mask[:, None])
        weights = scores.softmax(dim=-1, dtype=torch.promote_types(scores.dtype, torch.float32)).to(
            scores.dtype
        )
        of_weights = gradient @ value.transpose(-2, -1)
        of_scores = of_weights.sub_((gradient * gathered).sum(dim=-1, keepdim=True)).mul_(weights)
        return (
            of_scores @ key * scale,
            of_scores.transpose(-2, -1) @ query * scale,
            weights.transpose(-2, -1) @ gradient,
            of_scores.sum(dim=0),
            None,
        )


def linear_of_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x (...,C), weight (D,C), bias (D,) -> gelu(x) @ weight^T + bias (...,D)."""
    return _LinearOfGelu.apply(x, weight.to(x.dtype), bias.to(x.dtype))


class _LinearOfGelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(F.gelu(x), weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        flat = gradient.flatten(0, -2)
        of_weight = flat.t() @ F.gelu(x).flatten(0, -2)
        of_x = torch.ops.aten.gelu_backward(gradient @ weight, x)
        return of_x, of_weight, flat.sum(dim=0)


def keep_inputs_alone(module: nn.Module) -> None:
    """Makes a module keep its inputs alone for the way back, and compute the rest a second time (Chen et al., 2016).

    Same values and gradients; random numbers are drawn again as they were.
    """
    forward = module.forward
    module.forward = lambda *inputs, **named: checkpoint(forward, *inputs, use_reentrant=False, **named)
