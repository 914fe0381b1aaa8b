"""Keys of the image encoder: cells of Swin keep their ids, and of a backbone's keys those count that are read."""

from typing import Any

import pytest

from bench.config.compose import configuration
from bench.config.identity import cell_id, identity
from bench.terminal.errors import UserError

TIMM = ["model.encoder.kind=timm", "model.encoder.name=resnet18"]


def known(*words: str) -> dict[str, Any]:
    return identity(configuration(words), 0, "d", str)


@pytest.mark.parametrize(
    ("words", "before"),
    [
        ([], "d2588081aecb"),
        (["model=lavt"], "92777f799e0e"),
        (["model=rmsin", "scale=paper", "model.encoder.pretrained=random"], "ed510754f7ec"),
    ],
)
def test_cells_of_swin_have_the_ids_they_had(words: list[str], before: str) -> None:
    assert cell_id(known(*words)) == before
    assert cell_id(known(*words, "model.encoder.kind=swin", "model.encoder.freeze_norm=true")) == before


def test_what_a_backbone_does_not_read_is_no_part_of_its_cells() -> None:
    assert known(*TIMM)["model"]["encoder"] == {
        "kind": "timm",
        "name": "resnet18",
        "pretrained": None,
        "drop_path": 0.0,
    }
    assert known(*TIMM) == known(*TIMM, "model.encoder.embed_dim=32", "model.encoder.window=3")


@pytest.mark.parametrize(
    "word",
    ["model.encoder.trained_stages=2", "model.encoder.freeze_norm=true", "model.encoder.name=resnet34"],
)
def test_what_it_reads_is(word: str) -> None:
    words = [each for each in TIMM if each.partition("=")[0] != word.partition("=")[0]]
    assert known(*TIMM) != known(*words, word)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.encoder.kind=timm"], "model.encoder.name is missing"),
        (["model.encoder.name=resnet18"], "reads no name"),
        ([*TIMM, "model.encoder.trained_stages=5"], "too large"),
        (["model.encoder.kind=tim"], "model.encoder.kind"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        configuration(words)
