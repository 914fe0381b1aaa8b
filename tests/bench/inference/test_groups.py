"""Many sentences over a large scene: read in groups for which there is memory, with the same masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.images import read
from bench.images.scene import HeldScene
from bench.inference import groups
from bench.inference.asked import Tiling
from bench.inference.groups import bytes_a_sentence, sentence_groups
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Predictor
from bench.terminal.errors import UserError
from tests.bench.inference.conftest import SIZE, Run
from tests.bench.rasters import BOXES, geotiff, held, scene

TEXTS = ("ships", "the ship at the top", "boats", "planes", "the boat on the left")


@given(st.integers(1, 60), st.floats(1, 100))
def test_every_sentence_is_in_one_group_that_fits(count: int, sentences_in_memory: float) -> None:
    picture = HeldScene(held(scene(100, 80)))
    free = int(sentences_in_memory * bytes_a_sentence(picture, SIZE)) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "free_memory", lambda: free)
        found = sentence_groups(picture, SIZE, count)
    numbers = [number for some in found for number in range(count)[some]]
    assert numbers == list(range(count))
    sizes = [some.stop - some.start for some in found]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == 1 or max(sizes) * bytes_a_sentence(picture, SIZE) <= groups.SHARE * free


@pytest.mark.parametrize("streamed", [False, True])
def test_groups_give_the_masks_of_all_at_once(
    streamed: bool, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rasterio")
    path = geotiff(tmp_path / "scene.tif", scene(130, 90, *BOXES))
    monkeypatch.setattr(read, "HELD", 0 if streamed else 10**6)
    records: list[Any] = []
    for out, free in (("all", 10**9), ("few", 30_000 if streamed else 150_000)):
        monkeypatch.setattr(groups, "free_memory", lambda free=free: free)
        records.append(run(path, *TEXTS, out=out)[0])
    assert [each["text"] for each in records[1]] == list(TEXTS)
    for one, other in zip(*records, strict=True):
        assert one["pixels"] == other["pixels"] > 0
        assert Path(one["files"]["geotiff"]).read_bytes() == Path(other["files"]["geotiff"]).read_bytes()


def test_progress_counts_the_windows_of_all_groups(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(scene(80, 56)).save(tmp_path / "x.png")
    monkeypatch.setattr(
        groups, "free_memory", lambda: 2 * bytes_a_sentence(HeldScene(held(scene(80, 56))), SIZE)
    )
    told: list[tuple[int, int]] = []
    wanted = Wanted(TEXTS[:3], tmp_path / "out", tiling=Tiling())
    predict_files(predictor, [tmp_path / "x.png"], wanted, lambda *each: told.append(each))
    assert told[0] == (0, 18)
    assert told[-1] == (18, 18)
    assert np.all(np.diff([done for done, _ in told]) >= 0)


def test_scene_without_memory_for_one_sentence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "free_memory", lambda: 10_000)
    with pytest.raises(UserError, match=r"x\.png: windows of 32 pixels over 80 columns") as error:
        sentence_groups(HeldScene(held(scene(100, 80))), SIZE, 3)
    assert "tile=" in error.value.remedy
