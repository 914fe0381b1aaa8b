"""The image encoder against timm's where they must agree, and where they must not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer

from bench.config.schema import EncoderConfig, ModelConfig
from bench.models.build import build
from bench.models.pretrained_swin import load_swin
from bench.terminal.errors import UserError
from fianet.swin import SwinEncoder, shifted_windows

DEPTHS = (2, 2, 2, 1)
HEADS = (1, 2, 4, 8)


def timm_swin() -> SwinTransformer:
    torch.manual_seed(0)
    swin = SwinTransformer(
        img_size=128,
        embed_dim=16,
        depths=DEPTHS,
        num_heads=HEADS,
        window_size=4,
        always_partition=True,
        strict_img_size=False,
        num_classes=3,
    )
    for block in (block for stage in swin.layers for block in stage.blocks):
        torch.nn.init.normal_(block.attn.relative_position_bias_table)
    return swin.eval()


def encoder(window: int = 4) -> SwinEncoder:
    return SwinEncoder(16, DEPTHS, HEADS, window, drop_path=0.0).eval()


def last_stage(ours: SwinEncoder, image: torch.Tensor) -> torch.Tensor:
    x = ours.embed(image)
    for stage in ours.stages:
        x = stage(x)
    return x


def original_format(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """timm's names -> the original release's, which merges patches at the end of a stage."""
    renamed = {}
    for key, value in state.items():
        for index in (1, 2, 3):
            key = key.replace(f"layers.{index}.downsample", f"layers.{index - 1}.DOWN")
        renamed[key.replace("DOWN", "downsample")] = value
    return renamed


@pytest.mark.parametrize("layout", ["timm", "original"])
def test_pretrained_weights_give_timms_features(layout: str, tmp_path: Path) -> None:
    swin, ours = timm_swin(), encoder()
    state = swin.state_dict()
    torch.save({"model": original_format(state) if layout == "original" else state}, tmp_path / "swin.pth")
    load_swin(ours, str(tmp_path / "swin.pth"))
    image = torch.randn(2, 3, 128, 128)
    torch.testing.assert_close(swin.norm(last_stage(ours, image)), swin.forward_features(image))


def test_padding_comes_before_rolling(tmp_path: Path) -> None:
    """On maps that are no multiple of the window timm's order gives other numbers than the release."""
    swin, ours = timm_swin(), encoder()
    torch.save(swin.state_dict(), tmp_path / "swin.pth")
    load_swin(ours, str(tmp_path / "swin.pth"))
    image = torch.randn(1, 3, 112, 120)
    block, theirs = ours.stages[0].blocks[1], swin.layers[0].blocks[1]
    x = ours.embed(image)[:, :27, :29]
    mask = shifted_windows(x, ours.stages[0].window)
    x = ours.stages[0].blocks[0](x, mask)
    assert not torch.allclose(block(x, mask), theirs(x), atol=1e-3)


def test_bias_tables_are_resized_to_another_window(tmp_path: Path) -> None:
    torch.save(timm_swin().state_dict(), tmp_path / "swin.pth")
    ours = encoder(window=6)
    load_swin(ours, str(tmp_path / "swin.pth"))
    tables = [value for key, value in ours.state_dict().items() if key.endswith("bias_table")]
    assert all(table.shape[0] == 11 * 11 for table in tables)
    assert all(table.std() > 0.3 for table in tables), "the pretrained values, not the initial ones"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embed_dim": 32, "heads": [1, 2, 4, 8]}, "does not fit"),
        ({"depths": [2, 2, 4, 1]}, "missing"),
        ({"depths": [1, 2, 2, 1]}, "it has 7 blocks"),
        ({"pretrained": "swin_tiny_patch4_window7_22"}, "no such timm model"),
        ({"heads": [3, 2, 4, 8]}, "3 heads do not divide the 16 channels of stage 1"),
        ({"heads": [1, 2, 4]}, "4 depths and 3 heads"),
    ],
)
def test_weights_and_sizes_that_do_not_fit_are_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    torch.save(timm_swin().state_dict(), tmp_path / "swin.pth")
    sizes = {"embed_dim": 16, "depths": [2, 2, 2, 1], "heads": list(HEADS), "window": 4}
    sizes |= {"pretrained": str(tmp_path / "swin.pth"), **changes}
    with pytest.raises(UserError, match=message):
        build(ModelConfig(encoder=EncoderConfig(**sizes)), 30)
