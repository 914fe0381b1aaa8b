"""A scene of 20,000 x 20,000 pixels, drawn, predicted in windows and measured.

python -m tests.bench.inference.huge_scene FOLDER
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.windows import Window
from torch import Tensor, nn

from bench.config.schema import ModelConfig
from bench.inference.asked import Tiling
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Predictor
from bench.models.bundle import Bundle
from bench.models.vocabulary import vocabulary_text
from fianet.tokens import SHIPPED, Tokenizer

SIDE = 20_000
STRIP = 1_000
SIZE = 256


class Reddish(nn.Module):
    """Says of every pixel by itself whether it is red."""

    def forward(self, images: Tensor, *words: Tensor) -> Tensor:
        """images (B,3,H,W) -> (B,2,H,W)."""
        odds = images[:, :1] - images[:, 1:2] - 1.0
        return torch.cat([-odds, odds], dim=1)


def draw(path: Path) -> int:
    """Green ground with 400 red boxes in a grid; how many pixels they have."""
    tile = np.full((STRIP, STRIP, 3), (20, 110, 20), np.uint8)
    tile[300:400, 500:640] = (220, 30, 30)
    strip = np.tile(tile, (1, SIDE // STRIP, 1)).transpose(2, 0, 1)
    place = {"crs": "EPSG:32631", "transform": rasterio.transform.from_origin(430_000, 5_400_000, 0.5, 0.5)}
    kind = {"driver": "GTiff", "height": SIDE, "width": SIDE, "count": 3, "dtype": "uint8"}
    packed = {"compress": "deflate", "zlevel": 1, "tiled": True, "blockxsize": 512, "blockysize": 512}
    with rasterio.Env(GDAL_CACHEMAX=2**27), rasterio.open(path, "w", **kind, **packed, **place) as file:
        for top in range(0, SIDE, STRIP):
            file.write(strip, window=Window(0, top, SIDE, STRIP))
    return 140 * 100 * (SIDE // STRIP) ** 2


def main(out: Path) -> None:
    """Prints pixels drawn, pixels found, seconds and peak memory in bytes."""
    drawn = draw(out / "scene.tif")
    vocabulary = vocabulary_text(SHIPPED)
    model = Bundle(Reddish(), ModelConfig(), Tokenizer.load(None).vocab_size, SIZE, 22, vocabulary, "test")
    began = time.monotonic()
    wanted = Wanted(("the red boxes",), out / "found", tiling=Tiling(resolution=2.0))
    (record,), _ = predict_files(Predictor(model), [out / "scene.tif"], wanted)
    taken = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(drawn, record["pixels"], f"{taken:.0f}", peak)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
