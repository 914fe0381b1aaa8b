"""Overhead scenes drawn by the project: a picture, exact masks of what is visible, and what there is to say about it.

A scene depends on (seed, index, size) alone. Most classes come in twos to fives of different colour and size, so
that the sentence is needed to tell them apart.
"""

from dataclasses import dataclass

import numpy as np

from bench.data.canvas import SIDE, Canvas
from bench.data.expressions import Instance, Scene
from bench.data.grounds import CLOUD, COUNTRIES, TREES, Frame, Offer, Site, Spot
from bench.data.objects import COLOURS, MODELS, ellipse, rotation, shade

CATEGORIES = tuple(sorted(MODELS))
SMALLEST = 30
"""Least visible area of an object, in squares of 1/96 of the side."""


@dataclass(frozen=True)
class Drawn:
    """image (size, size, 3) uint8 RGB; masks (n, size, size) bool, disjoint, one for each of `scene.instances`."""

    image: np.ndarray
    masks: np.ndarray
    scene: Scene


@dataclass(frozen=True)
class _Placed:
    category: str
    spot: Spot
    length: float
    colour: str

    def points(self, outline: np.ndarray) -> np.ndarray:
        """The object's own coordinates to the picture's."""
        return outline * self.length @ rotation(self.spot.angle) + (self.spot.x, self.spot.y)


def draw(seed: int, index: int, size: int) -> Drawn:
    """Draws scene `index` of the endless series `seed` at size x size pixels (at least 48)."""
    rng = np.random.default_rng([seed, index])
    while True:
        canvas = Canvas(size, rng)
        country = COUNTRIES[rng.integers(len(COUNTRIES))]
        placed = _populate(canvas, country(Frame(canvas, rng)), rng)
        if len(placed) < 2:
            continue
        _paint(canvas, placed, rng)
        image, masks = canvas.finish(len(placed))
        if masks.sum((1, 2)).min() >= SMALLEST * (size / SIDE) ** 2:
            return Drawn(image, masks, _describe(placed, masks))


def _populate(canvas: Canvas, site: Site, rng: np.random.Generator) -> list[_Placed]:
    """Chooses classes and finds room: one class in numbers, up to two others."""
    room = _Room(canvas)
    placed: list[_Placed] = []
    for category, spot in site.fixed:
        it = _Placed(category, spot, spot.length or 20.0, str(rng.choice(MODELS[category].colours)))
        if room.inside(it):
            room.take(it)
            placed.append(it)
    offers = [site.offers[i] for i in rng.permutation(len(site.offers))]
    for rank, offer in enumerate(offers[:3]):
        most = (5, 3, 2)[rank]
        count = int(rng.integers(2 if rank == 0 else 1, most + 1)) if rank < 2 or rng.random() < 0.5 else 0
        count = min(count, 7 - len(placed))
        placed += _place(room, offer, count, rng)
    return placed


def _place(room: "_Room", offer: Offer, count: int, rng: np.random.Generator) -> list[_Placed]:
    """Up to `count` objects of one class, in few colours and, often, clearly different sizes."""
    model = MODELS[offer.category]
    low, high = model.lengths
    colours = rng.permutation(model.colours)[: rng.integers(1, 4)]
    two_sizes = rng.random() < 0.55
    base = rng.uniform(low, high)
    placed: list[_Placed] = []
    for _ in range(count):
        length = (
            rng.choice((low, high)) * rng.uniform(0.94, 1.06) if two_sizes else base * rng.uniform(0.92, 1.08)
        )
        colour = str(rng.choice(colours))
        for _attempt in range(40):
            it = _Placed(offer.category, offer.propose(), float(length), colour)
            if room.free(it, offer):
                room.take(it)
                placed.append(it)
                break
    return placed


class _Room:
    """Which unit squares are still free."""

    def __init__(self, canvas: Canvas) -> None:
        self.ground = canvas.ground
        self.taken = np.zeros((SIDE, SIDE), bool)

    @staticmethod
    def _squares(it: _Placed, margin: float) -> np.ndarray:
        """Unit squares (n, 2), as (column, row), under an object and `margin` units around it."""
        half = it.length / 2
        x, y = half + margin, half * MODELS[it.category].aspect + margin
        grid = np.stack(np.meshgrid(np.arange(-x, x + 0.9, 0.9), np.arange(-y, y + 0.9, 0.9)), -1).reshape(
            -1, 2
        )
        return np.floor(grid @ rotation(it.spot.angle) + (it.spot.x, it.spot.y)).astype(int)

    def inside(self, it: _Placed) -> bool:
        """Whether the whole object is in the picture."""
        squares = self._squares(it, 0.0)
        return bool((squares >= 1).all() and (squares < SIDE - 1).all())

    def free(self, it: _Placed, offer: Offer) -> bool:
        """Whether the object is in the picture, on its ground, and clear of others."""
        if not self.inside(it):
            return False
        x, y = self._squares(it, 0.0).T
        return bool(np.isin(self.ground[y, x], list(offer.grounds)).all() and not self.taken[y, x].any())

    def take(self, it: _Placed) -> None:
        """Keeps others off the object and a little around it."""
        x, y = np.clip(self._squares(it, 1.6), 0, SIDE - 1).T
        self.taken[y, x] = True


def _paint(canvas: Canvas, placed: list[_Placed], rng: np.random.Generator) -> None:
    """Ground texture, shadows, objects, then trees and clouds that hide a part of some."""
    canvas.texture()
    outlines = []
    for it in placed:
        tint = shade(COLOURS[it.colour], rng.uniform(0.93, 1.06))
        outlines.append([(it.points(points), colour) for points, colour in MODELS[it.category].outline(tint)])
    sun = np.array((0.7, 0.7))
    for height in {MODELS[it.category].height for it in placed}:
        shapes = [
            points
            for it, parts in zip(placed, outlines, strict=True)
            if MODELS[it.category].height == height
            for points, _ in parts
        ]
        canvas.shadows(shapes, tuple(sun * height * 1.3))
    for label, parts in enumerate(outlines, 1):
        for points, colour in parts:
            canvas.polygon(points, colour, label=label)
    full = canvas.seen()
    _grow_trees(canvas, placed, full, rng)


def _grow_trees(canvas: Canvas, placed: list[_Placed], full: list[int], rng: np.random.Generator) -> None:
    """Trees on land, some of them over the edge of an object standing there."""
    land = np.argwhere(canvas.ground == 0)
    if not len(land):
        return
    for _ in range(rng.integers(4, 12)):
        y, x = land[rng.integers(len(land))] + rng.uniform(0, 1, 2)
        radius = rng.uniform(1.3, 3.0)
        crown = ellipse(0, 0, 1, 1, 11) * rng.uniform(0.8, 1.1, (11, 1)) * radius
        colour = TREES[rng.integers(len(TREES))]
        blobs = [
            (crown + (x, y), shade(colour, 0.72)),
            (crown * 0.84 + (x - 0.25, y - 0.25), colour),
            (crown * 0.42 + (x - 0.6, y - 0.6), shade(colour, 1.22)),
        ]
        canvas.cover(blobs, full)


def _describe(placed: list[_Placed], masks: np.ndarray) -> Scene:
    """What the expression generator may say, measured on the visible masks."""
    instances = []
    for it, mask in zip(placed, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        instances.append(Instance(it.category, box, float(mask.sum()), it.colour, MODELS[it.category].shape))
    return Scene(masks.shape[2], masks.shape[1], tuple(instances))
