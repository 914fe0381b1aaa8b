"""The embedded data set: scenes drawn by the project, written once in the RRSIS-D layout."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from bench.config import DataConfig, SyntheticConfig
from bench.data.expressions import choose, expressions
from bench.data.layout import ImageFile, NewReference, write_rrsisd
from bench.data.scenes import CATEGORIES, Drawn, draw
from bench.errors import UserError
from bench.files import locked

VERSION = 1
"""Goes up whenever the same configuration would give other bytes."""
STAMP = "synthetic.json"


def ensure(data: DataConfig) -> Path:
    """Draws the set into `data.root` unless it is there; several processes may ask at once.

    A folder this function drew from another configuration (or version of itself) is drawn anew in place; image
    names carry the configuration's digest, so a run still reading the old scenes fails instead of mixing them.

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
    scenes = (draw(config.seed, index, config.size) for index in range(len(splits)))
    shown = track(
        zip(splits, scenes, strict=True),
        f"Drawing {len(splits):,} scenes",
        total=len(splits),
        console=console,
        disable=not console.is_terminal,
    )
    for index, (split, drawn) in enumerate(shown):
        name = f"{digest}_{index:05d}.png"
        for expression in choose(expressions(drawn.scene, rng), config.per_image, used, rng):
            (target,) = expression.targets
            category = drawn.scene.instances[target].category
            references.append(NewReference(name, category, split, expression.text, drawn.masks[target]))
        yield ImageFile(name, config.size, config.size, _png(drawn))


def _png(drawn: Drawn) -> bytes:
    file = io.BytesIO()
    Image.fromarray(drawn.image).save(file, "PNG", compress_level=4)
    return file.getvalue()
