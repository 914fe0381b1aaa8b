"""What docs/data.md shows is read as it says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.audit import audit_errors
from bench.data.index import read_index

PAGE = (Path(__file__).parents[3] / "docs/data.md").read_text()
WIDTH, HEIGHT = 32, 16


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def manifest(file: Path) -> DataConfig:
    return DataConfig(layout=Layout.manifest, file=str(file), root="", cache=str(file.parent / "cache"))


def test_the_table_is_a_sound_set(tmp_path: Path) -> None:
    (tmp_path / "ports.csv").write_text(block("csv"))
    for seed, name in enumerate("abc"):
        draw(tmp_path / f"photos/{name}.png", seed)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[3:5, 3:8] = True
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks/a-ship.png")
    data = manifest(tmp_path / "ports.csv")
    assert audit_errors(data) == {}
    references = read_index(data).references
    assert [each.sentence for each in references] == ["the ship, at the top", "the long pier", "two cars"]
    assert [int(each.mask.read().sum()) for each in references] == [10, 128, 8]


def test_the_lines_of_pandas_make_a_sound_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entries = []
    for number, subset in enumerate(("training", "tuning", "testing")):
        draw(tmp_path / f"published/pictures/{number}.jpg", number)
        entries.append(
            {
                "number": number,
                "picture": f"{number}.jpg",
                "outline": [[2, 2, 9, 2, 9, 9]],
                "phrase": 'a "ship", at the top',
                "subset": subset,
                "class": "ship",
            }
        )
    Path("published/annotations.json").write_text(json.dumps(entries))
    exec(block("python"), {})
    data = manifest(Path("published/ships.csv"))
    assert audit_errors(data) == {}
    assert [each.split for each in read_index(data).references] == ["train", "val", "test"]
