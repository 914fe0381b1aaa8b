"""Swin Transformer, stage by stage, so that language can enter between blocks and patch merging."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from timm.layers import DropPath, Mlp, PatchEmbed
from timm.models.swin_transformer import (
    PatchMerging,
    WindowAttention,
    window_partition,
    window_reverse,
)
from torch import Tensor, nn

from fianet.lean import attend, linear_of_gelu
from fianet.stages import StagedEncoder


class ShiftedWindowAttention(WindowAttention):
    """timm's window attention on a whole map, which it pads to whole windows, *then* rolls.

    So does the original release; timm rolls first, and the results differ wherever the map is not a multiple of the
    window. What is padded is zero, and its queries, keys and values are the bias alone: they are padded, not the map,
    so that nothing is multiplied for them.

    Args:
        width: Channels.
        heads: Attention heads.
        window: Side of the windows.
        shift: By how much they are shifted.
    """

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__(width, heads, window_size=window)
        self.shift = shift

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B,H,W,C), mask of the shifted windows (`shifted_windows`) -> (B,H,W,C)."""
        height, width = x.shape[1:3]
        side = self.window_size[0]
        tokens = F.pad(F.linear(x, self.qkv.weight), (0, 0, 0, -width % side, 0, -height % side))
        padded = tokens.shape[1:3]
        tokens = tokens + self.qkv.bias.to(tokens.dtype)
        if self.shift:
            tokens = torch.roll(tokens, shifts=(-self.shift, -self.shift), dims=(1, 2))
        windows = window_partition(tokens, self.window_size).flatten(1, 2)
        query, key, value = windows.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        gathered = attend(query, key, value, self._get_rel_pos_bias()[0], mask if self.shift else None)
        windows = gathered.transpose(1, 2).flatten(2).unflatten(1, self.window_size)
        tokens = window_reverse(windows, self.window_size, *padded)
        if self.shift:
            tokens = torch.roll(tokens, shifts=(self.shift, self.shift), dims=(1, 2))
        return self.proj(tokens[:, :height, :width])


class LeanMlp(Mlp):
    """timm's feed-forward, which keeps no activated features for the way back."""

    def forward(self, x: Tensor) -> Tensor:
        """x (...,C) -> (...,C)."""
        return linear_of_gelu(self.fc1(x), self.fc2.weight, self.fc2.bias)


class SwinBlock(nn.Module):
    """Attention inside windows, then a feed-forward, both residual and normed before.

    Args:
        width: Channels.
        heads: Attention heads.
        window: Side of the windows.
        shift: By how much they are shifted.
        drop_path: Stochastic depth.
    """

    def __init__(self, width: int, heads: int, window: int, shift: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = ShiftedWindowAttention(width, heads, window, shift)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = LeanMlp(width, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B,H,W,C), mask of the shifted windows (`shifted_windows`) -> (B,H,W,C)."""
        x = x + self.drop_path(self.attn(self.norm1(x), mask))
        return x + self.drop_path(self.mlp(self.norm2(x)))


def shifted_windows(x: Tensor, window: int) -> Tensor:
    """Which pixels of a shifted window see each other: those that were neighbours before the shift.

    Args:
        x: (B,H,W,C), for size, type and device.
        window: Side of the windows; they are shifted by half of it.

    Returns:
        (windows,N,N): 0, or -100 for pixels from opposite ends of the map.
    """
    sides = []
    for side in x.shape[1:3]:
        places = torch.arange(side + -side % window, device=x.device)
        sides.append((places >= len(places) - window).int() + (places >= len(places) - window // 2).int())
    regions = (3 * sides[0][:, None] + sides[1])[None, :, :, None]
    regions = window_partition(regions, (window, window)).flatten(1)
    return -100.0 * (regions[:, None] != regions[:, :, None]).to(x.dtype)


class Stage(nn.Module):
    """Patch merging (but for the first stage), then the attention blocks.

    Args:
        merge: Halves the map, or leaves it.
        blocks: Of `SwinBlock`.
        window: Side of their windows.
    """

    def __init__(self, merge: nn.Module, blocks: nn.ModuleList, window: int) -> None:
        super().__init__()
        self.merge = merge
        self.blocks = blocks
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        """x (B,H,W,C) of the stage before, fused with language -> (B,ceil(H/2),ceil(W/2),2C)."""
        x = self.merge(x)
        mask = shifted_windows(x, self.window)
        for block in self.blocks:
            x = block(x, mask)
        return x


class SwinEncoder(StagedEncoder):
    """Swin Transformer (ICCV 2021) for images of any size: maps of stride 4, 8, 16, 32.

    Args:
        embed_dim: Channels of the first stage; each further stage doubles them.
        depths: Blocks per stage.
        heads: Attention heads per stage.
        window: Side of the attention windows, also on maps smaller than a window.
        drop_path: Stochastic depth of the last block, growing linearly from 0.

    Raises:
        ValueError: `heads` does not divide the channels of a stage, or is not given per stage.
    """

    def __init__(
        self, embed_dim: int, depths: Sequence[int], heads: Sequence[int], window: int, drop_path: float
    ) -> None:
        super().__init__()
        if len(depths) != len(heads):
            raise ValueError(
                f"model.encoder: {len(depths)} depths and {len(heads)} heads.\nPass one of each per stage."
            )
        self.channels = [embed_dim * 2**index for index in range(len(depths))]
        self.patch_embed = PatchEmbed(
            img_size=None,
            patch_size=4,
            embed_dim=embed_dim,
            norm_layer=nn.LayerNorm,
            output_fmt="NHWC",
            dynamic_img_pad=True,
        )
        rates = torch.linspace(0, drop_path, sum(depths), device="cpu").split(list(depths))
        self.stages = nn.ModuleList()
        for index, (width, stage_heads) in enumerate(zip(self.channels, heads, strict=True)):
            if stage_heads < 1 or width % stage_heads:
                raise ValueError(
                    f"model.encoder.heads: {stage_heads} heads do not divide the {width} channels of stage "
                    f"{index + 1}.\nPass divisors of {self.channels}."
                )
            merge = PatchMerging(width // 2) if index else nn.Identity()
            blocks = [
                SwinBlock(width, stage_heads, window, window // 2 * (number % 2), rate)
                for number, rate in enumerate(rates[index].tolist())
            ]
            self.stages.append(Stage(merge, nn.ModuleList(blocks), window))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in self.channels)
        self.apply(_initialise)

    def embed(self, image: Tensor) -> Tensor:
        """image (B,3,H,W) -> (B,ceil(H/4),ceil(W/4),C)."""
        return self.patch_embed(image)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
