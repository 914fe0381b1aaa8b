"""Pretrained weights: found by path or name, named by their content, and refused where they are not what they say."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from timm.models.swin_transformer import SwinTransformer

from bench.config.schema import EncoderConfig, ModelConfig, TextConfig
from bench.models.build import build
from bench.models.import_released import import_released
from bench.models.pretrained import encoder_digest, locate_encoder, locate_text, text_digest
from bench.models.pretrained_swin import load_swin
from bench.terminal.errors import UserError
from fianet.swin import SwinEncoder

TIMM = "swin_base_patch4_window12_384.ms_in22k"
SIZES: dict[str, Any] = {"embed_dim": 16, "depths": [2, 2, 2, 1], "heads": [1, 2, 4, 8], "window": 4}


class Hub:
    """A hub that has one file, and remembers what it was asked."""

    def __init__(self, file: Path, cached: bool) -> None:
        self.file, self.cached = file, cached
        self.asked: list[tuple[str, str, bool]] = []

    def download(
        self, repository: str, name: str, *, revision: str | None = None, local_files_only: bool = False
    ) -> str:
        self.asked.append((repository, name, local_files_only))
        if local_files_only and not self.cached:
            raise FileNotFoundError(name)
        self.cached = True
        return str(self.file)


@pytest.fixture
def swin() -> SwinTransformer:
    torch.manual_seed(0)
    return SwinTransformer(
        img_size=128,
        embed_dim=16,
        depths=(2, 2, 2, 1),
        num_heads=(1, 2, 4, 8),
        window_size=4,
        always_partition=True,
        strict_img_size=False,
        num_classes=3,
    )


@pytest.fixture
def hub(swin: SwinTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Stands in for the hub of models: it has a small Swin under every name."""
    save_file(swin.state_dict(), tmp_path / "model.safetensors")
    fake = Hub(tmp_path / "model.safetensors", cached=False)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake.download)
    return fake


def test_a_timm_name_is_the_file_of_its_weights(hub: Hub, swin: SwinTransformer) -> None:
    ours = SwinEncoder(16, (2, 2, 2, 1), (1, 2, 4, 8), 4, drop_path=0.0)
    load_swin(ours, TIMM)
    assert hub.asked == [(f"timm/{TIMM}", "model.safetensors", offline) for offline in (True, False)]
    assert torch.equal(ours.patch_embed.proj.weight, swin.patch_embed.proj.weight)
    build(ModelConfig(encoder=EncoderConfig(pretrained=TIMM, **SIZES)), 30)
    assert hub.asked[2:] == [(f"timm/{TIMM}", "model.safetensors", True)], "what is here is not asked for"


def test_a_name_and_its_file_are_one_content(hub: Hub, swin: SwinTransformer, tmp_path: Path) -> None:
    before = encoder_digest(TIMM)
    assert before == encoder_digest(str(tmp_path / "model.safetensors"))
    swin.patch_embed.proj.weight.data += 1
    save_file(swin.state_dict(), tmp_path / "model.safetensors")
    assert encoder_digest(TIMM) != before, "changed, though the name is the same"


@pytest.mark.parametrize(
    ("pretrained", "reason"),
    [
        ("swin_bse_patch4_window12_384", r"no such timm model.*\nDid you mean swin_base_patch4_window12_384"),
        ("swin_base_patch4_window12_384.ms_in23k", r"no such timm model.*\nDid you mean .*\.ms_in22k"),
        ("weights/swin.pth", "no such file"),
        ("swin.pth", "no such file"),
        (".", "this is a folder"),
    ],
)
def test_what_is_neither_file_nor_model_names_the_encoders_key(pretrained: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as error:
        locate_encoder(pretrained)
    assert error.value.what.startswith(f"model.encoder.pretrained={pretrained}: ")
    assert error.value.remedy


def test_weights_that_cannot_be_had_name_the_encoders_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*words: object, **more: object) -> str:
        raise ConnectionError

    monkeypatch.setattr("huggingface_hub.hf_hub_download", nothing)
    with pytest.raises(UserError, match=r"^model\.encoder\.pretrained=.*ConnectionError.*\nPass model\.enc"):
        encoder_digest(TIMM)
    monkeypatch.setattr("timm.models._hub.download_cached_file", nothing)
    only_elsewhere = "resnet18.fb_swsl_ig1b_ft_in1k"
    monkeypatch.setattr(
        "timm.models.get_pretrained_cfg", lambda name: _Known(url="https://nowhere/x-0123abcd.pth")
    )
    with pytest.raises(UserError, match=r"^model\.encoder\.pretrained=.*https://nowhere"):
        locate_encoder(only_elsewhere)


class _Known:
    hf_hub_id = hf_hub_filename = None

    def __init__(self, url: str) -> None:
        self.url = url


def test_a_file_that_is_no_checkpoint_names_the_encoders_key(tmp_path: Path) -> None:
    (tmp_path / "swin.pth").write_bytes(b"cut")
    with pytest.raises(UserError, match=r"^model\.encoder\.pretrained=.*swin\.pth: not a PyTorch checkpoint"):
        load_swin(SwinEncoder(16, (2, 2, 2, 1), (1, 2, 4, 8), 4, 0.0), str(tmp_path / "swin.pth"))


def test_a_cache_that_holds_the_vocabulary_alone_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    online: list[list[str]] = []

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        if not local_files_only:
            online.append(allow_patterns)
            (tmp_path / "model.safetensors").write_bytes(b"weights")
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert locate_text("bert-base-uncased", weights=False) == tmp_path
    assert not online
    first = text_digest("bert-base-uncased")
    assert len(online) == 1
    assert text_digest(str(tmp_path)) == first == text_digest("bert-base-uncased")


def test_weights_of_the_old_kind_are_part_of_a_folders_content(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"one")
    one = text_digest(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"other")
    assert text_digest(str(tmp_path)) != one


def test_text_that_is_nowhere_names_the_texts_key() -> None:
    with pytest.raises(
        UserError, match=r"model\.text\.pretrained=nobody/no-such-bert: neither a folder"
    ) as error:
        build(ModelConfig(text=TextConfig(pretrained="nobody/no-such-bert")), 30)
    assert "model.text.pretrained=DIR" in error.value.remedy


def test_a_file_is_held_to_the_checksum_in_its_name(tmp_path: Path) -> None:
    content = b"weights"
    said = hashlib.sha256(content).hexdigest()[:8]
    right, wrong = tmp_path / f"swin-{said}.pth", tmp_path / "swin-0123abcd.pth"
    for path in (right, wrong):
        path.write_bytes(content)
    assert encoder_digest(str(right))
    for digest in (encoder_digest, text_digest):
        with pytest.raises(UserError, match=rf"begins with {said}, not with the 0123abcd in its name"):
            digest(str(wrong))
    right.write_bytes(content[:-1])
    with pytest.raises(UserError, match="cut off, or changed on the way"):
        encoder_digest(str(right))


@pytest.mark.parametrize("name", ["rmsin-20240131.pth", "swin.pth", "swin-0123abcde.pth", "swin-deep.pth"])
def test_other_names_bear_no_checksum(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"weights")
    assert encoder_digest(str(tmp_path / name))


def test_an_imported_checkpoint_is_held_to_its_name_too(tmp_path: Path) -> None:
    path = tmp_path / "lavt-0123abcd.pth"
    torch.save({"weight": torch.zeros(2)}, path)
    with pytest.raises(UserError, match="0123abcd in its name"):
        import_released(str(path), tmp_path / "out", None, (1, 1, 1, 1), 480, 22)
