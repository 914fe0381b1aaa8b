"""The embedded data set: scenes drawn by the project, written once in the RRSIS-D layout."""

import hashlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from bench.config.schema import DataConfig, SyntheticConfig
from bench.data.rrsisd_writer import ImageFile, NewReference, encode, write_rrsisd
from bench.data.segmentation import Rle
from bench.drawing.scenes import CATEGORIES, draw
from bench.sentences.expressions import Expression, choose, expressions
from bench.storage.files import locked
from bench.terminal.errors import UserError

VERSION = 5
"""Goes up whenever the same configuration would give other bytes."""
STAMP = "synthetic.json"
WORTHWHILE = 200
"""From this many scenes on, processes draw side by side."""


def ensure(data: DataConfig) -> Path:
    """Draws the set into `data.root` unless it is there; several processes may ask at once.

    A folder this function drew from another configuration (or version of itself) is drawn anew in place;
    image names carry the configuration's digest, so a run still reading the old scenes fails instead of
    mixing them.

    Args:
        data: `data.synthetic` says what to draw, `data.root` where.

    Returns:
        The folder, complete, in the RRSIS-D layout.

    Raises:
        UserError: The folder exists but was not drawn by this function.
    """
    config = data.synthetic
    if config is None:
        raise UserError("data.synthetic: not set, so there is nothing to draw.", "Pass data=synthetic.")
    root = Path(data.root)
    stamp = json.dumps({"version": VERSION, **asdict(config)})
    with locked(root.parent / f".{root.name}.lock"):
        found = root / STAMP
        if found.is_file():
            if found.read_text() == stamp:
                return root
        elif root.exists():
            raise UserError(
                f"data.root={root}: holds files that were not drawn by data=synthetic.",
                "Pass data.root=DIR of a new folder for the drawn scenes.",
            )
        _write(root, config, stamp)
    return root


def _write(root: Path, config: SyntheticConfig, stamp: str) -> None:
    digest = hashlib.sha256(stamp.encode()).hexdigest()[:6]
    references: list[NewReference] = []
    write_rrsisd(root, _images(config, digest, references), references, CATEGORIES, {STAMP: stamp})


def _images(config: SyntheticConfig, digest: str, references: list[NewReference]) -> Iterator[ImageFile]:
    """Draws each scene, adds its sentences to `references`, and gives its image file."""
    rng = np.random.default_rng([config.seed, 1])
    splits = [name for name in ("train", "val", "test") for _ in range(getattr(config, name))]
    used: Counter[str] = Counter()
    console = Console(stderr=True)
    with _scenes(config, len(splits)) as scenes:
        shown = track(
            scenes,
            f"Drawing {len(splits):,} scenes",
            total=len(splits),
            console=console,
            disable=not console.is_terminal,
        )
        for index, (split, made) in enumerate(zip(splits, shown, strict=True)):
            name = f"{digest}_{index:05d}.png"
            for expression in choose(made.found, config.per_image, used, rng):
                (target,) = expression.targets
                category, mask = made.categories[target], made.masks[target]
                references.append(NewReference(name, category, split, expression.text, mask))
            yield ImageFile(name, config.size, config.size, made.png)


@dataclass(frozen=True)
class _Made:
    """One scene, ready to be written, and everything that could be said of it."""

    png: bytes
    categories: list[str]
    masks: list[Rle]
    found: list[Expression]


def _make(index: int, seed: int, size: int) -> _Made:
    drawn = draw(seed, index, size)
    file = io.BytesIO()
    Image.fromarray(drawn.image).save(file, "PNG", compress_level=3)
    return _Made(
        png=file.getvalue(),
        categories=[instance.category for instance in drawn.scene.instances],
        masks=[encode(mask) for mask in drawn.masks],
        found=expressions(drawn.scene, np.random.default_rng([seed, index, 1])),
    )


@contextmanager
def _scenes(config: SyntheticConfig, count: int) -> Iterator[Iterable[_Made]]:
    """Scenes 0 to `count`, drawn by several processes if that is worth starting them."""
    make = partial(_make, seed=config.seed, size=config.size)
    if count < WORTHWHILE:
        yield map(make, range(count))
        return
    # fork, where it is sound: it asks nothing of the caller's main module, and no thread was started here yet
    start = "fork" if sys.platform == "linux" else "spawn"
    with ProcessPoolExecutor(mp_context=get_context(start)) as pool:
        yield pool.map(make, range(count), chunksize=16)
