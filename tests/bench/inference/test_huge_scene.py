"""A scene that does not fit into memory."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rasterio")
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_twenty_thousand_pixels_square_take_less_than_two_gigabytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench.inference.huge_scene", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    drawn, found, _, peak = map(int, done.stdout.split())
    assert found == pytest.approx(drawn, rel=0.05)
    assert peak < 2e9
