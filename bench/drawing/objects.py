"""What stands, floats and drives in drawn scenes: each class as polygons around the origin, nose along +x.

An outline is a list of (points, colour); lengths are relative to the object's length. Every part belongs to
the mask.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.drawing.canvas import Colour

Part = tuple[np.ndarray, Colour]

COLOURS: dict[str, Colour] = {
    "white": (238, 238, 234),
    "gray": (150, 152, 156),
    "black": (38, 38, 44),
    "red": (196, 44, 40),
    "orange": (232, 134, 36),
    "yellow": (236, 210, 60),
    "green": (42, 132, 74),
    "blue": (38, 92, 190),
    "cyan": (70, 196, 206),
    "brown": (134, 92, 58),
    "purple": (128, 70, 158),
}


@dataclass(frozen=True)
class Model:
    """How a class is drawn: its outline for a colour, colours, lengths in units, and width / length."""

    outline: Callable[[Colour], list[Part]]
    colours: tuple[str, ...]
    lengths: tuple[float, float]
    aspect: float
    shape: str | None = None
    height: float = 1.0
    """Length of the shadow in units."""


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Corners (4, 2) of an upright rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def ellipse(x: float, y: float, a: float, b: float, points: int = 20) -> np.ndarray:
    """Corners (points, 2) of an ellipse with half axes a and b."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([x + a * np.cos(angle), y + b * np.sin(angle)], 1)


def shade(colour: Colour, gain: float) -> Colour:
    """A darker (gain < 1) or lighter colour."""
    r, g, b = (min(255, max(0, round(c * gain))) for c in colour)
    return r, g, b


def _mirrored(points: list[tuple[float, float]]) -> np.ndarray:
    """A shape symmetric about the x axis from its upper half."""
    return np.array(points + [(x, -y) for x, y in reversed(points)])


def _airplane(colour: Colour) -> list[Part]:
    wing = _mirrored([(0.16, 0.03), (-0.08, 0.46), (-0.18, 0.46), (-0.06, 0.03)])
    tail = _mirrored([(-0.34, 0.03), (-0.44, 0.19), (-0.50, 0.19), (-0.46, 0.03)])
    body = _mirrored([(0.5, 0.0), (0.46, 0.045), (0.36, 0.07), (-0.3, 0.065), (-0.5, 0.015)])
    engines = [(ellipse(0.05, y, 0.06, 0.03, 8), shade(colour, 0.6)) for y in (-0.2, 0.2)]
    return [(wing, shade(colour, 0.9)), *engines, (tail, shade(colour, 0.88)), (body, colour)]


def _ship(colour: Colour) -> list[Part]:
    hull = _mirrored([(0.5, 0.0), (0.34, 0.115), (0.1, 0.15), (-0.44, 0.14), (-0.5, 0.1)])
    deck = _mirrored([(0.4, 0.0), (0.28, 0.07), (-0.2, 0.09), (-0.2, 0.0)])
    cabin = rectangle(-0.42, -0.09, -0.26, 0.09)
    return [(hull, colour), (deck, shade(colour, 1.22)), (cabin, (240, 240, 236))]


def _storage_tank(colour: Colour) -> list[Part]:
    lit = ellipse(-0.05, -0.05, 0.38, 0.38)
    return [
        (ellipse(0, 0, 0.5, 0.5, 28), shade(colour, 0.72)),
        (ellipse(0, 0, 0.45, 0.45, 28), colour),
        (lit, shade(colour, 1.08)),
        (ellipse(0, 0, 0.07, 0.07, 8), shade(colour, 0.6)),
    ]


def _court(colour: Colour, border: Colour, lines: list[np.ndarray], half: float) -> list[Part]:
    outer = (rectangle(-0.5, -half, 0.5, half), border)
    return [
        outer,
        (rectangle(-0.38, -half * 0.66, 0.38, half * 0.66), colour),
        *((p, (238, 240, 236)) for p in lines),
    ]


def _tennis_court(colour: Colour) -> list[Part]:
    t = 0.012
    lines = [rectangle(x - t, -0.165, x + t, 0.165) for x in (-0.37, -0.19, 0.0, 0.19, 0.37)]
    lines += [rectangle(-0.37, y - t, 0.37, y + t) for y in (-0.165, 0.165)]
    lines.append(rectangle(-0.19, -t, 0.19, t))
    return _court(colour, shade(colour, 0.72), lines, 0.26)


def _basketball_court(colour: Colour) -> list[Part]:
    paint = [(rectangle(x0, -0.09, x1, 0.09), shade(colour, 0.62)) for x0, x1 in ((-0.47, -0.3), (0.3, 0.47))]
    t = 0.014
    lines = [rectangle(-t, -0.26, t, 0.26)]
    circle = [
        (ellipse(0, 0, 0.1, 0.1, 16), (238, 240, 236)),
        (ellipse(0, 0, 0.07, 0.07, 16), shade(colour, 0.62)),
    ]
    base = [
        (rectangle(-0.5, -0.29, 0.5, 0.29), (238, 240, 236)),
        (rectangle(-0.47, -0.26, 0.47, 0.26), colour),
    ]
    return [*base, *paint, *((p, (238, 240, 236)) for p in lines), *circle]


def _baseball_field(colour: Colour) -> list[Part]:
    def fan(radius: float) -> np.ndarray:
        angle = np.linspace(-np.pi / 4, np.pi / 4, 12)
        arc = np.stack([radius * np.cos(angle) - 0.5, radius * np.sin(angle)], 1)
        return np.vstack([[(-0.5, 0.0)], arc])

    diamond = np.array([(-0.44, 0.0), (-0.27, 0.17), (-0.1, 0.0), (-0.27, -0.17)])
    home = ellipse(-0.43, 0, 0.05, 0.05, 10)
    sand = (206, 168, 118)
    return [(fan(1.0), colour), (fan(0.52), sand), (diamond, shade(colour, 1.08)), (home, sand)]


def _ground_track_field(colour: Colour) -> list[Part]:
    def stadium(half: float, radius: float) -> np.ndarray:
        angle = np.linspace(-np.pi / 2, np.pi / 2, 14)
        right = np.stack([half + radius * np.cos(angle), radius * np.sin(angle)], 1)
        return np.vstack([right, -right])

    grass = (84, 150, 70)
    return [
        (stadium(0.24, 0.26), colour),
        (stadium(0.24, 0.215), shade(colour, 1.2)),
        (stadium(0.24, 0.205), colour),
        (stadium(0.24, 0.165), grass),
        (rectangle(-0.005, -0.165, 0.005, 0.165), (230, 236, 226)),
    ]


def _vehicle(colour: Colour) -> list[Part]:
    body = _mirrored([(0.5, 0.15), (0.44, 0.22), (-0.46, 0.22), (-0.5, 0.17)])
    glass = (34, 44, 58)
    return [
        (body, colour),
        (_mirrored([(0.24, 0.17), (0.08, 0.15)]), glass),
        (_mirrored([(-0.26, 0.15), (-0.36, 0.16)]), glass),
    ]


def _bridge(colour: Colour) -> list[Part]:
    deck = rectangle(-0.5, -0.1, 0.5, 0.1)
    rails = [(rectangle(-0.5, y - 0.014, 0.5, y + 0.014), shade(colour, 1.3)) for y in (-0.086, 0.086)]
    dashes = [(rectangle(x, -0.008, x + 0.05, 0.008), (236, 232, 214)) for x in np.arange(-0.46, 0.45, 0.115)]
    return [(deck, colour), *rails, *dashes]


def _harbor(colour: Colour) -> list[Part]:
    spine = rectangle(-0.5, -0.05, 0.5, 0.05)
    fingers = [rectangle(x - 0.03, -0.24, x + 0.03, 0.24) for x in (-0.18, 0.02, 0.22, 0.42)]
    return [(p, shade(colour, 0.9)) for p in fingers] + [(spine, colour)]


def _windmill(colour: Colour) -> list[Part]:
    parts: list[Part] = [(_mirrored([(0.02, 0.05), (-0.5, 0.075)]), shade(colour, 0.86))]
    for turn in (0.3, 0.3 + 2 * np.pi / 3, 0.3 + 4 * np.pi / 3):
        blade = np.array([(0.0, -0.055), (0.2, -0.075), (0.5, -0.02), (0.5, 0.02), (0.0, 0.055)])
        parts.append((blade @ rotation(turn), colour))
    return [*parts, (ellipse(0, 0, 0.09, 0.09, 10), shade(colour, 0.75))]


def rotation(angle: float) -> np.ndarray:
    """Matrix that turns row vectors by an angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([(c, s), (-s, c)])


MODELS: dict[str, Model] = {
    "airplane": Model(_airplane, ("white", "gray", "blue", "red", "yellow"), (15, 28), 0.95, height=1.6),
    "ship": Model(_ship, ("gray", "white", "red", "blue", "black", "orange"), (15, 32), 0.3, "long", 0.8),
    "storage tank": Model(
        _storage_tank, ("white", "gray", "green", "red", "cyan"), (8, 17), 1.0, "rounded", 1.8
    ),
    "tennis court": Model(
        _tennis_court, ("green", "blue", "red", "purple"), (15, 26), 0.54, "rectangular", 0.2
    ),
    "basketball court": Model(
        _basketball_court, ("orange", "red", "gray", "cyan"), (14, 24), 0.6, "rectangular", 0.2
    ),
    "baseball field": Model(_baseball_field, ("green",), (18, 34), 1.42, None, 0.2),
    "ground track field": Model(_ground_track_field, ("red", "blue", "orange"), (26, 46), 0.52, "oval", 0.2),
    "vehicle": Model(
        _vehicle, ("red", "white", "blue", "black", "yellow", "orange"), (9.5, 17), 0.44, None, 0.7
    ),
    "bridge": Model(_bridge, ("gray", "white", "brown", "red"), (26, 40), 0.2, "slender", 1.2),
    "harbor": Model(_harbor, ("gray", "brown", "white"), (18, 32), 0.5, None, 0.6),
    "windmill": Model(_windmill, ("white", "gray", "red"), (13, 22), 0.9, "slender", 1.0),
}
