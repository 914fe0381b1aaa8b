"""Overhead scenes drawn by the project: a picture, exact masks of what is visible, what there is to say.

A scene depends on (seed, index, size) alone. Most classes come in twos to fives of different colour and size,
so that the sentence is needed to tell them apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bench.drawing.canvas import SIDE, Canvas, Ground
from bench.drawing.grounds import COUNTRIES, TREES, Frame, Offer, Site, Spot
from bench.drawing.objects import COLOURS, MODELS, ellipse, rotation, shade
from bench.sentences.predicates import Instance, Scene

CATEGORIES = tuple(sorted(MODELS))
SMALLEST = 30
"""Least visible area of an object, in square units."""
MOST = 7
"""Objects in a scene."""
GAP = 1.6
"""Room kept between objects, in units."""
TRIES = 60
CLOUDY = 0.15
"""Share of scenes with a cloud."""
RIM = 40
"""Squares around the picture where nothing may lie: more than half an object."""


@dataclass(frozen=True)
class Drawn:
    """image (size, size, 3) uint8 RGB; masks (n, size, size) bool, disjoint, in `scene.instances`' order."""

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
    placed = [
        _Placed(category, spot, spot.length, str(rng.choice(MODELS[category].colours)))
        for category, spot in site.fixed
        if _fits(_lattice(category, spot.length), spot, room.free)
    ]
    for it in placed:
        room.take(it.category, it.length, it.spot)
    offers = [site.offers[i] for i in rng.permutation(len(site.offers))]
    for offer, (fewest, most) in zip(offers, ((2, 5), (1, 3), (0, 2)), strict=False):
        count = min(int(rng.integers(fewest, most + 1)), MOST - len(placed))
        placed += _place(room, offer, count, rng)
    return placed


def _place(room: "_Room", offer: Offer, count: int, rng: np.random.Generator) -> list[_Placed]:
    """Up to `count` objects of one class, in few colours and, often, clearly different sizes."""
    model = MODELS[offer.category]
    colours = rng.permutation(model.colours)[: rng.integers(1, 4)]
    two_sizes = rng.random() < 0.55
    common = rng.uniform(*model.lengths)
    placed: list[_Placed] = []
    for _ in range(count):
        length = float((rng.choice(model.lengths) if two_sizes else common) * rng.uniform(0.94, 1.06))
        lattice, free = _lattice(offer.category, length), room.on(offer.grounds)
        for _attempt in range(TRIES):
            spot = offer.propose()
            if _fits(lattice, spot, free):
                room.take(offer.category, length, spot)
                placed.append(_Placed(offer.category, spot, length, str(rng.choice(colours))))
                break
    return placed


class _Room:
    """Which unit squares are still free; a rim of taken squares keeps objects inside the picture."""

    def __init__(self, canvas: Canvas) -> None:
        self.free = np.pad(np.ones((SIDE - 2, SIDE - 2), bool), RIM + 1)
        self._kinds = np.uint8(1) << np.pad(canvas.ground, RIM)

    def on(self, grounds: Iterable[Ground]) -> np.ndarray:
        """The free squares of some kinds of ground, with the rim."""
        return self.free & (self._kinds & np.uint8(sum(1 << ground for ground in grounds)) > 0)

    def take(self, category: str, length: float, spot: Spot) -> None:
        """Keeps others off an object and a little around it."""
        self.free[_squares(_lattice(category, length, GAP), spot)] = False


def _fits(lattice: np.ndarray, spot: Spot, free: np.ndarray) -> bool:
    """Whether all squares under an object's lattice are free; the middle first, which is cheap."""
    if not (0 <= spot.x < SIDE and 0 <= spot.y < SIDE and free[int(spot.y) + RIM, int(spot.x) + RIM]):
        return False
    return bool(free[_squares(lattice, spot)].all())


def _squares(lattice: np.ndarray, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (with the rim) of the squares under a lattice laid at a spot."""
    points = lattice @ rotation(spot.angle) + (spot.x + RIM, spot.y + RIM)
    columns, rows = np.clip(points, 0, SIDE + 2 * RIM - 1).astype(int).T
    return rows, columns


def _lattice(category: str, length: float, margin: float = 0.0) -> np.ndarray:
    """Points (n, 2) under one unit apart all over an object lying along x, and `margin` units around it."""
    x, y = length / 2 + margin, length / 2 * MODELS[category].aspect + margin
    across = [np.linspace(-half, half, int(2 * half / 0.9) + 2) for half in (x, y)]
    return np.stack(np.meshgrid(*across), -1).reshape(-1, 2)


def _paint(canvas: Canvas, placed: list[_Placed], rng: np.random.Generator) -> None:
    """Ground texture, shadows, objects, then trees and clouds that hide a part of some."""
    canvas.texture()
    outlines = []
    for it in placed:
        tint = shade(COLOURS[it.colour], rng.uniform(0.93, 1.06))
        outlines.append([(it.points(points), colour) for points, colour in MODELS[it.category].outline(tint)])
    canvas.shadows(
        [
            points + 0.9 * MODELS[it.category].height
            for it, parts in zip(placed, outlines, strict=True)
            for points, _ in parts
        ]
    )
    for label, parts in enumerate(outlines, 1):
        for points, colour in parts:
            canvas.polygon(points, colour, label=label)
    full = canvas.seen()
    _grow_trees(canvas, full, rng)
    if rng.random() < CLOUDY:
        _draw_cloud(canvas, placed[rng.integers(len(placed))], full, rng)


def _grow_trees(canvas: Canvas, full: list[int], rng: np.random.Generator) -> None:
    """Trees on land, some of them over the edge of an object standing there."""
    land = np.argwhere(canvas.ground == Ground.land)[:, ::-1]
    if not len(land):
        return
    for place in land[rng.integers(len(land), size=rng.integers(4, 12))] + 0.5:
        radius = rng.uniform(1.3, 3.0)
        crown = ellipse(0, 0, 1, 1, 11) * rng.uniform(0.8, 1.1, (11, 1)) * radius
        colour = TREES[rng.integers(len(TREES))]
        layers = ((1.0, 0.0, 0.72), (0.84, 0.25, 1.0), (0.42, 0.6, 1.22))
        canvas.cover([(crown * size + place - up, shade(colour, light)) for size, up, light in layers], full)


def _draw_cloud(canvas: Canvas, it: _Placed, full: list[int], rng: np.random.Generator) -> None:
    """A small cloud that hides a part of an object."""
    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    edge = 1 + 0.16 * np.abs(np.sin(angle * rng.integers(3, 5) + rng.uniform(0, 3)))
    puff = ellipse(0, 0, 1, 0.7, 36) * edge[:, None] * rng.uniform(6, 10)
    middle = np.array((it.spot.x, it.spot.y)) + rng.choice((-1, 1), 2) * rng.uniform(4, 9, 2)
    layers = ((1.0, 0.0, 0.91), (0.84, 0.5, 0.97), (0.55, 1.2, 1.03))
    canvas.cover(
        [(puff * size + middle - up, shade(COLOURS["white"], light)) for size, up, light in layers], full
    )


def _describe(placed: list[_Placed], masks: np.ndarray) -> Scene:
    """What the expression generator may say, measured on the visible masks."""
    instances = []
    for it, mask in zip(placed, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        instances.append(Instance(it.category, box, float(mask.sum()), it.colour, MODELS[it.category].shape))
    return Scene(masks.shape[2], masks.shape[1], tuple(instances))
