"""Backbones of timm, walked stage by stage: the maps are timm's, and what cannot be walked is refused."""

import pytest
import timm
import torch
from torch import Tensor, nn

from fianet.timm_encoder import TimmEncoder

CHAINS = ["test_resnet", "test_convnext", "test_efficientnet", "test_mambaout", "test_nfnet", "test_byobnet"]


def walk(encoder: TimmEncoder, image: Tensor) -> list[Tensor]:
    x, maps = encoder.embed(image), []
    for stage in encoder.stages:
        x = stage(x)
        maps.append(x.permute(0, 3, 1, 2))
    return maps


@pytest.mark.parametrize("name", CHAINS)
def test_maps_are_those_of_timm(name: str) -> None:
    torch.manual_seed(0)
    encoder = TimmEncoder(name, 0.0, (64, 96)).eval()
    theirs = timm.create_model(name, features_only=True, out_indices=(-4, -3, -2, -1)).eval()
    own = encoder.state_dict()
    weights = {key: own[ours] for ours, key in encoder.timm_names.items()}
    names = {key: key.replace(".", "_", 1) for key in weights}  # a list of features flattens its sequences
    known = theirs.state_dict().keys()
    theirs.load_state_dict({key if key in known else names[key]: value for key, value in weights.items()})
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        found, wanted = walk(encoder, image), theirs(image)
    for stride, ours, expected, channels in zip((4, 8, 16, 32), found, wanted, encoder.channels, strict=True):
        assert ours.shape == (2, channels, 64 // stride, 96 // stride)
        expected = expected if expected.shape == ours.shape else expected.permute(0, 3, 1, 2)
        torch.testing.assert_close(ours, expected)


def test_backbones_with_channels_last_are_not_turned() -> None:
    assert not TimmEncoder("test_mambaout", 0.0, (64, 64)).channels_first
    assert TimmEncoder("test_resnet", 0.0, (64, 64)).channels_first


def test_backbones_made_for_one_size_are_made_for_the_size_of_the_images() -> None:
    with torch.device("meta"):
        encoder = TimmEncoder("swinv2_tiny_window8_256", 0.0, (96, 96))
    assert encoder.channels == [96, 192, 384, 768]
    assert not encoder.channels_first


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("convnext_tinny", 64, r"no such timm model\.\nDid you mean convnext_tiny\?"),
        ("hf-hub:timm/resnet18", 64, "no such timm model"),
        ("test_vit", 64, r"\(its maps have stride 16\)\.\nPass one that is, such as resnet50"),
        ("levit_128s", 64, "maps have stride 16, 32, 64"),
        ("hrnet_w18_small", 64, "not present in model"),
        ("coat_lite_tiny", 64, "its modules are no chain"),
        ("efficientformer_l1", 64, "takes no images of 64 x 64 pixels"),
    ],
)
def test_what_cannot_be_walked_is_refused_in_two_lines(name: str, size: int, said: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=said) as error:
        TimmEncoder(name, 0.0, (size, size))
    assert str(error.value).startswith(f"model.encoder.name={name}: ")
    assert str(error.value).count("\n") == 1


def test_a_walk_that_leaves_something_out_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        timm.models.ResNet,
        "forward_features",
        lambda self, x: self.layer4(
            self.layer3(self.layer2(1 + self.layer1(self.maxpool(self.bn1(self.conv1(x))))))
        ),
    )
    with pytest.raises(ValueError, match="gives other maps than timm's own forward pass"):
        TimmEncoder("test_resnet", 0.0, (64, 64))


def test_drop_path_reaches_backbones_that_have_some() -> None:
    rates = [
        part.drop_prob
        for part in TimmEncoder("test_convnext", 0.3, (64, 64)).modules()
        if hasattr(part, "drop_prob")
    ]
    assert max(rates) == pytest.approx(0.3)
    TimmEncoder("test_mambaout", 0.3, (64, 64))


def test_every_weight_of_a_norm_is_named_and_nothing_else() -> None:
    encoder = TimmEncoder("test_efficientnet", 0.0, (64, 64))
    named = encoder.norm_parameters()
    norms = [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d | nn.LayerNorm)]
    assert len(named) == 2 * len(norms)
    own = dict(encoder.named_parameters())
    assert {id(own[name]) for name in named} == {id(weight) for part in norms for weight in part.parameters()}


def test_frozen_stages_keep_their_weights_statistics_and_drop_no_path() -> None:
    encoder = TimmEncoder("test_resnet", 0.2, (64, 64))
    encoder.freeze(trained_stages=2, fixed_statistics=False)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.train()
    sum(each.square().mean() for each in walk(encoder, torch.randn(2, 3, 64, 64))).backward()
    moved = {key for key, value in encoder.state_dict().items() if not torch.equal(value, before[key])}
    assert moved
    assert all(key.startswith(("stages.2.", "stages.3.")) for key in moved)
    trained = {name for name, weight in encoder.named_parameters() if weight.grad is not None}
    assert trained
    assert all(name.startswith(("stages.2.", "stages.3.")) for name in trained)
    assert not any(part.training for part in encoder.stages[0].modules())
    assert all(part.training for part in encoder.stages[3].modules())
    assert all(weight.requires_grad for weight in encoder.norms.parameters())


def test_fixed_statistics_do_not_move_while_weights_train() -> None:
    encoder = TimmEncoder("test_resnet", 0.0, (64, 64))
    encoder.freeze(trained_stages=4, fixed_statistics=True)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.eval().train()
    walk(encoder, torch.randn(2, 3, 64, 64))[-1].square().mean().backward()
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    assert all(weight.requires_grad for weight in encoder.parameters())
