"""Swin Transformer, stage by stage, so that language can enter between blocks and patch merging."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from timm.layers import PatchEmbed
from timm.models.swin_transformer import PatchMerging, SwinTransformerBlock, window_partition, window_reverse
from torch import Tensor, nn


class PadThenRollBlock(SwinTransformerBlock):
    """timm's block with the order of the original release: pad to whole windows, *then* roll.

    timm rolls first. The results differ wherever the map is not a multiple of the window.
    """

    def _attn(self, x: Tensor) -> Tensor:
        """x (B,H,W,C), normalised -> (B,H,W,C)."""
        height, width, channels = x.shape[1:]
        window = self.window_size
        shift = self.shift_size
        x = F.pad(x, (0, 0, 0, -width % window[1], 0, -height % window[0]))
        padded = x.shape[1:3]
        if any(shift):
            x = torch.roll(x, shifts=(-shift[0], -shift[1]), dims=(1, 2))
        mask = self.get_attn_mask(x)
        windows = window_partition(x, window).view(-1, self.window_area, channels)
        windows = self.attn(windows, mask=mask).view(-1, *window, channels)
        x = window_reverse(windows, window, *padded)
        if any(shift):
            x = torch.roll(x, shifts=shift, dims=(1, 2))
        return x[:, :height, :width]


class Stage(nn.Module):
    """Patch merging (but for the first stage), then the attention blocks."""

    def __init__(self, merge: nn.Module, blocks: nn.Module) -> None:
        super().__init__()
        self.merge = merge
        self.blocks = blocks

    def forward(self, x: Tensor) -> Tensor:
        """x (B,H,W,C) of the stage before, fused with language -> (B,ceil(H/2),ceil(W/2),2C)."""
        return self.blocks(self.merge(x))


class SwinEncoder(nn.Module):
    """Swin Transformer (ICCV 2021) for images of any size: maps of stride 4, 8, 16, 32.

    Whoever walks the stages calls `embed`, then each of `stages` on what the last one (and its fusion) gave;
    `norms` are for the maps handed to the neck, one per stage.

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
                PadThenRollBlock(
                    width,
                    input_resolution=(window, window),
                    num_heads=stage_heads,
                    window_size=window,
                    shift_size=window // 2 * (number % 2),
                    always_partition=True,
                    dynamic_mask=True,
                    drop_path=rate,
                )
                for number, rate in enumerate(rates[index].tolist())
            ]
            self.stages.append(Stage(merge, nn.Sequential(*blocks)))
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
