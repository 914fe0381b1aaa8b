"""Names in, models or clear errors out."""

import subprocess
import sys

import pytest

from bench.config.schema import ModelConfig
from bench.models.build import build
from bench.terminal.errors import UserError


@pytest.mark.parametrize(
    ("slot", "wrong", "right"),
    [("fusion", "fiamm", "fiam"), ("neck", "tmen", "tmem"), ("decoder", "simpel", "simple")],
)
def test_wrong_name_is_answered_with_the_nearest_right_one(slot: str, wrong: str, right: str) -> None:
    config = ModelConfig(**{slot: wrong})
    with pytest.raises(UserError, match=f"model.{slot}={wrong}: no such {slot}") as error:
        build(config, 30)
    assert f"Did you mean {right}?" in error.value.remedy


@pytest.mark.parametrize("heads", [[3, 1, 1, 1], [1, 1, 1], [1, 1, 1, 0]])
def test_fusion_heads_that_do_not_fit_are_user_errors(heads: list[int]) -> None:
    with pytest.raises(UserError, match="fusion_heads"):
        build(ModelConfig(fusion_heads=heads), 30)


def test_names_are_listed_without_torch() -> None:
    code = "import sys, bench.registry as r; assert list(r.FUSIONS); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
