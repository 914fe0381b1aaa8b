import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from reports.figures.palette import HUES, METHODS, PALETTE, looks

Array = NDArray[np.float64]
# What is left of linear RGB without one kind of cone (Machado, Oliveira and Fernandes, 2009, severity 1), and the
# least difference that the palette keeps; 1 is what an eye can just tell, on large patches side by side.
VISION = {
    "all cones": (np.eye(3), 23),
    "no green cones": (
        np.array(
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ]
        ),
        15,
    ),
    "no red cones": (
        np.array(
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ]
        ),
        14,
    ),
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lightness(color: str) -> float:
    """Relative luminance, 0 to 1."""
    return float(linear(color) @ XYZ[1])


def linear(color: str) -> Array:
    values = np.array(to_rgb(color))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(color: str, seen: Array) -> Array:
    xyz = XYZ @ np.clip(seen @ linear(color), 0, 1) / np.array([0.95047, 1, 1.08883])
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(one: Array, other: Array) -> float:
    """The difference of two colours in L*a*b*, by the letters of the standard (CIE 142-2001)."""
    chroma = np.hypot([one[1], other[1]], [one[2], other[2]]).mean()
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    (l1, a1, b1), (l2, a2, b2) = (each * [1, stretch, 1] for each in (one, other))
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    light, chroma, hue = (l1 + l2) / 2, (c1 + c2) / 2, np.radians(h1 + turn / 2)
    around = 1 - 0.17 * np.cos(hue - np.radians(30)) + 0.24 * np.cos(2 * hue)
    around += 0.32 * np.cos(3 * hue + np.radians(6)) - 0.2 * np.cos(4 * hue - np.radians(63))
    from_blue = (np.degrees(hue) % 360 - 275) / 25
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(from_blue**2))))
    lighter = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    purer = (c2 - c1) / (1 + 0.045 * chroma)
    turned = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * around)
    return float(np.sqrt(lighter**2 + purer**2 + turned**2 + rotation * purer * turned))


def test_the_difference_of_colours_is_that_of_the_published_example() -> None:
    # the first, seventh and last pairs of Sharma, Wu and Dalal (2005), table 1
    pairs = {
        (50, 2.6772, -79.7751, 50, 0, -82.7485): 2.0425,
        (50, 0, 0, 50, -1, 2): 2.3669,
        (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514): 0.9082,
    }
    for values, expected in pairs.items():
        assert ciede2000(np.array(values[:3]), np.array(values[3:])) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("ground", ["color", "lit"])
@pytest.mark.parametrize("vision", VISION)
def test_every_two_colours_differ_with_any_colour_vision(vision: str, ground: str) -> None:
    seen, least = VISION[vision]
    found = {name: lab(getattr(hue, ground), seen) for name, hue in HUES.items()}
    differences = {
        pair: ciede2000(found[pair[0]], found[pair[1]]) for pair in itertools.combinations(HUES, 2)
    }
    assert min(differences.values()) > least, min(differences, key=differences.__getitem__)


@pytest.mark.parametrize(("ground", "paper", "least"), [("color", "#ffffff", 2.2), ("lit", "#15181c", 3)])
def test_colours_stand_out_from_their_ground(ground: str, paper: str, least: float) -> None:
    for hue in HUES.values():
        dark, light = sorted((lightness(getattr(hue, ground)), lightness(paper)))
        assert (light + 0.05) / (dark + 0.05) > least


def test_no_two_looks_are_the_same_as_lines_or_as_points() -> None:
    assert len({(look.color, look.line) for look in PALETTE}) == len(PALETTE)
    assert len({(look.color, look.marker) for look in PALETTE}) == len(PALETTE)
    for one, next_ in itertools.pairwise(PALETTE):
        assert one.color != next_.color
        assert one.line != next_.line


def test_a_row_keeps_its_look_and_rows_beyond_the_palette_change_line() -> None:
    keys = dict.fromkeys((f"row {place}" for place in range(2 * len(HUES))), "")
    looked = looks(keys)
    assert len({(look.color, look.line) for look in looked.values()}) == len(keys)
    assert looks(dict.fromkeys(list(keys)[:3], "")) == {key: looked[key] for key in list(keys)[:3]}


def test_a_published_model_has_one_look_in_every_study() -> None:
    one = looks({"lavt": "LAVT", "rmsin": "RMSIN", "fianet": "FIANet"})
    other = looks({"pwam": "", "both": "FIANet", "direct": ""})
    assert one["fianet"] == other["both"] == PALETTE[METHODS.index("FIANet")]
    assert len({look.color for look in other.values()}) == 3
    assert not {look.color for look in one.values()} & {other["pwam"].color, other["direct"].color}
