"""Eight kinds of country seen from above, each with what may stand on it.

A country draws its ground around the origin of a turned frame (the picture spans about -68..68 in it) and
returns a `Site`: objects that belong to the ground itself (bridges, harbors) and offers of where others may
be put.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench.drawing.canvas import SIDE, Canvas, Colour, Ground
from bench.drawing.objects import ellipse, rectangle, rotation, shade

EDGE = 72.0
WATERS: tuple[Colour, ...] = ((58, 92, 108), (48, 82, 104), (66, 104, 112), (52, 88, 92))
CROPS: tuple[Colour, ...] = (
    (124, 138, 84),
    (142, 146, 92),
    (104, 124, 76),
    (164, 150, 106),
    (152, 132, 98),
    (112, 132, 92),
    (174, 164, 120),
)
GRASS: tuple[Colour, ...] = ((116, 138, 88), (126, 142, 96), (108, 130, 84))
ASPHALT: Colour = (112, 112, 114)
CONCRETE: tuple[Colour, ...] = ((166, 164, 158), (156, 156, 154), (172, 168, 156))
ROOFS: tuple[Colour, ...] = (
    (150, 112, 96),
    (170, 164, 152),
    (136, 132, 128),
    (160, 140, 116),
    (118, 110, 108),
)


@dataclass(frozen=True)
class Spot:
    """Where an object may lie: middle in units, heading in radians, length where the ground sets it."""

    x: float
    y: float
    angle: float
    length: float = 0.0


@dataclass(frozen=True)
class Offer:
    """A class that suits a place: on which ground, how likely beside others, and proposals of spots."""

    category: str
    grounds: frozenset[Ground]
    propose: Callable[[], Spot]


@dataclass
class Site:
    """What a country gives to the objects put on it."""

    offers: list[Offer]
    fixed: list[tuple[str, Spot]] = field(default_factory=list)


class Frame:
    """A turned coordinate frame around the middle of the picture, with the tools every country draws with."""

    def __init__(self, canvas: Canvas, rng: np.random.Generator) -> None:
        self.canvas = canvas
        self.rng = rng
        self.angle = float(rng.uniform(0, 2 * np.pi))

    def spot(self, x: float, y: float, angle: float, length: float) -> Spot:
        """A spot given in frame coordinates, heading relative to the frame."""
        middle = self.out(np.array([(x, y)]))[0]
        return Spot(float(middle[0]), float(middle[1]), self.angle + angle, length)

    def out(self, points: np.ndarray) -> np.ndarray:
        """Frame coordinates (n, 2) to picture coordinates."""
        return points @ rotation(self.angle) + SIDE / 2

    def pick(self, colours: tuple[Colour, ...]) -> Colour:
        """One of the colours, a little lighter or darker."""
        return shade(colours[self.rng.integers(len(colours))], self.rng.uniform(0.92, 1.08))

    def fill(self, points: np.ndarray, colour: Colour, ground: Ground) -> None:
        """A piece of ground."""
        self.canvas.polygon(self.out(points), colour, ground=ground)

    def everywhere(self, colour: Colour, ground: Ground) -> None:
        """The ground all over the picture."""
        self.fill(rectangle(-EDGE, -EDGE, EDGE, EDGE), colour, ground)

    def road(self, points: np.ndarray, width: float) -> None:
        """A road with pale verges and a dashed middle line."""
        line = self.out(points)
        self.canvas.line(line, (150, 142, 120), width + 1.4)
        self.canvas.line(line, ASPHALT, width, ground=Ground.road)
        start, end = line[0], line[-1]
        steps = np.arange(0, 1, 3.2 / np.linalg.norm(end - start))
        for t in steps if len(line) == 2 else ():
            dash = np.stack([start + t * (end - start), start + (t + 0.4 * steps[1]) * (end - start)])
            self.canvas.line(dash, (214, 210, 190), 0.3)

    def fields(self) -> None:
        """A patchwork of fields with crop rows."""
        patches = [(-EDGE, -EDGE, EDGE, EDGE)]
        for _ in range(5):
            patches = [part for patch in patches for part in self._split(patch)]
        for x0, y0, x1, y1 in patches:
            colour = self.pick(CROPS)
            self.fill(rectangle(x0, y0, x1, y1), colour, Ground.land)
            if self.rng.random() < 0.5:
                for x in np.arange(x0 + 1, x1, 2.2):
                    row = self.out(np.array([(x, y0 + 0.6), (x, y1 - 0.6)]))
                    self.canvas.line(row, shade(colour, 0.93), 0.7)

    def _split(self, patch: tuple[float, float, float, float]) -> list[tuple[float, float, float, float]]:
        x0, y0, x1, y1 = patch
        share = self.rng.uniform(0.35, 0.65)
        if max(x1 - x0, y1 - y0) < 26:
            return [patch]
        if x1 - x0 > y1 - y0:
            x = x0 + share * (x1 - x0)
            return [(x0, y0, x, y1), (x, y0, x1, y1)]
        y = y0 + share * (y1 - y0)
        return [(x0, y0, x1, y), (x0, y, x1, y1)]

    def houses(self, blocks: list[tuple[float, float, float, float]]) -> None:
        """Buildings with pitched or flat roofs on upright plots, nothing can be put there."""
        corners = [self.out(rectangle(*block)) for block in blocks]
        self.canvas.shadows([outline + 1.6 for outline in corners])
        for (x0, y0, x1, y1), outline in zip(blocks, corners, strict=True):
            roof = self.pick(ROOFS)
            self.canvas.polygon(outline, roof, ground=Ground.built)
            if self.rng.random() < 0.6:
                half = (
                    rectangle(x0, y0, x1, (y0 + y1) / 2)
                    if x1 - x0 > y1 - y0
                    else rectangle(x0, y0, (x0 + x1) / 2, y1)
                )
                self.canvas.polygon(self.out(half), shade(roof, 1.13))
            else:
                self.canvas.polygon(
                    self.out(rectangle(x0 + 0.8, y0 + 0.8, x1 - 0.8, y1 - 0.8)), shade(roof, 1.07)
                )

    def waves(self) -> None:
        """Faint crests on water."""
        for x, y in self.rng.uniform(-60, 60, (26, 2)):
            crest = np.array([(x, y), (x + self.rng.uniform(3, 8), y + self.rng.uniform(-0.6, 0.6))])
            self.canvas.line(self.out(crest), (92, 124, 136), 0.35)

    def anywhere(self, aligned: bool = False) -> Callable[[], Spot]:
        """Proposes spots all over the picture, heading anywhere or along the frame."""

        def propose() -> Spot:
            x, y, turn = self.rng.random(3)
            turn = int(4 * turn) / 4 if aligned else turn
            return Spot(SIDE * x, SIDE * y, self.angle + math.tau * turn)

        return propose

    def along(self, roads: list[np.ndarray], lane: float) -> Callable[[], Spot]:
        """Proposes spots on either lane of straight roads."""

        ends = [self.out(line) for line in roads]
        angles = [float(np.arctan2(*(line[-1] - line[0])[::-1])) for line in ends]

        def propose() -> Spot:
            number = int(self.rng.integers(len(roads)))
            (x0, y0), (x1, y1) = ends[number][0], ends[number][-1]
            t, side, angle = self.rng.random(), int(self.rng.integers(2)) * 2 - 1, angles[number]
            x = x0 + t * (x1 - x0) - side * lane * math.sin(angle)
            y = y0 + t * (y1 - y0) + side * lane * math.cos(angle)
            return Spot(x, y, angle if side > 0 else angle + math.pi)

        return propose


def _on(category: str, propose: Callable[[], Spot], *grounds: Ground) -> Offer:
    return Offer(category, frozenset(grounds), propose)


def _straight(y0: float, y1: float) -> np.ndarray:
    return np.array([(-EDGE, y0), (EDGE, y1)])


def farmland(frame: Frame) -> Site:
    """Fields, a road or two, wind turbines."""
    rng = frame.rng
    frame.fields()
    y = rng.uniform(-22, 22)
    roads = [_straight(y, y)]
    if rng.random() < 0.5:
        x = rng.uniform(-25, 25)
        roads.append(np.array([(x, -EDGE), (x, EDGE)]))
    for road in roads:
        frame.road(road, 11.5)
    land = frame.anywhere()
    return Site(
        [
            _on("windmill", land, Ground.land),
            _on("vehicle", frame.along(roads, 2.9), Ground.road),
            _on("storage tank", land, Ground.land),
            _on("baseball field", land, Ground.land),
        ]
    )


def river(frame: Frame) -> Site:
    """A river through fields, with bridges and their roads."""
    rng = frame.rng
    frame.fields()
    width = rng.uniform(19, 27)
    bend = rng.uniform(-9, 9)
    x = np.linspace(-EDGE, EDGE, 25)
    middle = bend * np.sin(x / 26) + rng.uniform(-12, 12)
    for half, colour, ground in (
        (width / 2 + 1.3, (168, 158, 122), Ground.land),
        (width / 2, frame.pick(WATERS), Ground.water),
    ):
        bank = np.vstack([np.stack([x, middle - half], 1), np.stack([x, middle + half], 1)[::-1]])
        frame.fill(bank, colour, ground)
    count = int(rng.integers(1, 4))
    fixed, roads = [], []
    for i in range(count):
        at = -30 + 60 * (i + rng.uniform(0.3, 0.7)) / count
        y = float(np.interp(at, x, middle))
        road = np.array([(at, -EDGE), (at, EDGE)])
        frame.road(road, 6.5)
        roads.append(road)
        fixed.append(("bridge", frame.spot(at, y, math.pi / 2, width + rng.uniform(5, 13))))
    land = frame.anywhere()
    offers = [
        _on("ship", frame.anywhere(), Ground.water),
        _on("vehicle", frame.along(roads, 0.0), Ground.road),
    ]
    return Site(
        [*offers, _on("windmill", land, Ground.land), _on("baseball field", land, Ground.land)], fixed
    )


def coast(frame: Frame) -> Site:
    """Land on one side with a coastal road, water on the other, piers between them."""
    rng = frame.rng
    frame.everywhere(frame.pick(WATERS), Ground.water)
    frame.waves()
    y = np.linspace(-EDGE, EDGE, 30)
    shore = rng.uniform(-18, 2) + rng.uniform(1, 4) * np.sin(y / rng.uniform(7, 14) + rng.uniform(0, 6))
    for reach, colour in ((3.5, (74, 118, 124)), (1.6, (206, 192, 148)), (0.0, frame.pick(GRASS))):
        edge = np.stack([shore + reach, y], 1)
        land = Ground.land if reach == 0 else None
        outline = np.vstack([[(-EDGE, -EDGE)], edge, [(-EDGE, EDGE)]])
        frame.canvas.polygon(frame.out(outline), colour, ground=land)
    x = float(shore.min()) - rng.uniform(11, 15)
    road = np.array([(x, -EDGE), (x, EDGE)])
    frame.road(road, 11.5)
    fixed = []
    for i in range(int(rng.integers(0, 3))):
        at = (-24, 20)[i] + rng.uniform(-8, 8)
        length = rng.uniform(18, 30)
        out = float(np.interp(at, y, shore)) + length / 2 - 1.5
        fixed.append(("harbor", frame.spot(out, at, 0.0, length)))
    offers = [
        _on("ship", frame.anywhere(), Ground.water),
        _on("storage tank", frame.anywhere(), Ground.land),
        _on("vehicle", frame.along([road], 2.9), Ground.road),
    ]
    return Site(offers, fixed)


def sea(frame: Frame) -> Site:
    """Open water, perhaps an islet."""
    rng = frame.rng
    frame.everywhere(frame.pick(WATERS), Ground.water)
    frame.waves()
    if rng.random() < 0.5:
        x, y = rng.uniform(-30, 30, 2)
        blob = ellipse(x, y, 1, 1, 24) - (x, y)
        blob = blob * rng.uniform(0.8, 1.2, (24, 1)) * rng.uniform(6, 13)
        for gain, colour in ((1.3, (82, 126, 130)), (1.1, (204, 190, 148)), (0.9, frame.pick(GRASS))):
            frame.fill(blob * gain + (x, y), colour, Ground.land)
    return Site([_on("ship", frame.anywhere(), Ground.water)])


def airport(frame: Frame) -> Site:
    """An apron beside a runway on grass."""
    rng = frame.rng
    frame.everywhere(frame.pick(GRASS), Ground.land)
    top = rng.uniform(-52, -34)
    frame.fill(rectangle(-EDGE, top - 12, EDGE, top), (96, 98, 102), Ground.road)
    for x in np.arange(-EDGE, EDGE, 8):
        frame.fill(rectangle(x, top - 6.4, x + 4, top - 5.6), (226, 226, 220), Ground.road)
    left, right, bottom = rng.uniform(-56, -40), rng.uniform(40, 56), rng.uniform(26, 46)
    frame.fill(rectangle(left, top + 9, right, bottom), frame.pick(CONCRETE), Ground.paved)
    for x in np.arange(left + 9, right, 9):
        frame.canvas.line(frame.out(np.array([(x, top + 9), (x, bottom)])), (148, 147, 142), 0.3)
    for y in np.arange(top + 18, bottom, 9):
        frame.canvas.line(frame.out(np.array([(left, y), (right, y)])), (148, 147, 142), 0.3)
    middle = (top + 9 + bottom) / 2
    frame.canvas.line(frame.out(np.array([(left, middle), (right, middle)])), (226, 196, 76), 0.6)
    frame.houses([(x, bottom + 3, x + 17, bottom + 15) for x in (left + 6, left + 28)])
    return Site(
        [
            _on("airplane", frame.anywhere(), Ground.paved),
            _on("vehicle", frame.anywhere(aligned=True), Ground.paved, Ground.road),
            _on("storage tank", frame.anywhere(), Ground.land),
        ]
    )


def town(frame: Frame) -> Site:
    """Blocks of houses between streets, parks with courts."""
    rng = frame.rng
    frame.everywhere(frame.pick(CONCRETE), Ground.paved)
    pitch = rng.uniform(44, 52)
    start = rng.uniform(-12, 12)
    cuts = [start + pitch * i for i in (-2, -1, 0, 1, 2)]
    houses = []
    for x0, x1 in itertools.pairwise(cuts):
        for y0, y1 in itertools.pairwise(cuts):
            if rng.random() < 0.62:
                frame.fill(rectangle(x0 + 7, y0 + 7, x1 - 7, y1 - 7), frame.pick(GRASS), Ground.land)
            else:
                frame.fill(rectangle(x0 + 7, y0 + 7, x1 - 7, y1 - 7), frame.pick(GRASS), Ground.built)
                half = (x0 + x1) / 2
                for y in (y0 + 9, (y0 + y1) / 2 + 1):
                    houses += [(x0 + 9, y, half - 1, y + 9), (half + 1.5, y, x1 - 9, y + 9)]
    frame.houses(houses)
    roads = [np.array([(c, -EDGE), (c, EDGE)]) for c in cuts] + [_straight(c, c) for c in cuts]
    for road in roads:
        frame.road(road, 11.5)
    park = frame.anywhere(aligned=True)
    return Site(
        [
            _on("vehicle", frame.along(roads, 2.9), Ground.road),
            _on("tennis court", park, Ground.land),
            _on("basketball court", park, Ground.land),
        ]
    )


def sports(frame: Frame) -> Site:
    """A park with courts and fields."""
    rng = frame.rng
    frame.everywhere(frame.pick(GRASS), Ground.land)
    for x in np.arange(-EDGE, EDGE, 9):
        frame.fill(rectangle(x, -EDGE, x + 4.5, EDGE), shade(frame.pick(GRASS), 1.02), Ground.land)
    for path in (_straight(rng.uniform(-46, 46), rng.uniform(-46, 46)) for _ in range(2)):
        frame.canvas.line(frame.out(path), (196, 186, 158), 2.0, ground=Ground.road)
    park = frame.anywhere(aligned=True)
    names = ("tennis court", "basketball court", "baseball field", "ground track field")
    return Site([_on(name, park, Ground.land) for name in names])


def industry(frame: Frame) -> Site:
    """A paved yard with sheds and tanks."""
    rng = frame.rng
    frame.everywhere(frame.pick(CONCRETE), Ground.paved)
    frame.fill(rectangle(-EDGE, rng.uniform(26, 40), EDGE, EDGE), frame.pick(CROPS), Ground.land)
    y = rng.uniform(-38, -20)
    for x in range(-60, 60, 24):
        frame.fill(rectangle(x, y + 9, x + 22, y + 48), shade(frame.pick(CONCRETE), 0.93), Ground.paved)
    road = _straight(y, y)
    frame.road(road, 11.5)
    frame.houses([(x, y - 20, x + rng.uniform(13, 20), y - 8) for x in range(-58, 50, 26)])
    return Site(
        [
            _on("storage tank", frame.anywhere(), Ground.paved, Ground.land),
            _on("vehicle", frame.along([road], 2.9), Ground.road),
        ]
    )


COUNTRIES: tuple[Callable[[Frame], Site], ...] = (
    farmland,
    river,
    coast,
    sea,
    airport,
    town,
    sports,
    industry,
)
TREES: tuple[Colour, ...] = ((58, 88, 52), (66, 98, 58), (50, 80, 50))
