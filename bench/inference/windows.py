"""Windows that cover a scene, and what each of them counts in every pixel."""

import math

import numpy as np


def starts(length: int, side: int, overlap: float) -> list[int]:
    """Where windows begin along one side of a scene.

    Args:
        length: Of that side, in pixels.
        side: Of the windows; a scene that is shorter gets one, which reaches beyond its end.
        overlap: Share of a window, 0 to below 1, that its neighbour covers too, at least.

    Returns:
        Ascending and evenly apart; the first begins at 0, the last ends at the scene's end.
    """
    if length <= side:
        return [0]
    step = max(1, math.floor(side * (1 - overlap)))
    gaps = math.ceil((length - side) / step)
    return [round(place * (length - side) / gaps) for place in range(gaps + 1)]


def shares(begins: list[int], side: int) -> list[np.ndarray]:
    """What each window counts along one side of a scene.

    A bell (Hann) over each, so that what a model says near the border of a window, of which it sees one side only,
    counts little; divided so that the shares of all windows over a pixel sum to one.

    Args:
        begins: As `starts` gives them.
        side: Of the windows.

    Returns:
        (side,) float64 of each window, all above 0.
    """
    bell = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    total = np.zeros(begins[-1] + side)
    for begin in begins:
        total[begin : begin + side] += bell
    return [bell / total[begin : begin + side] for begin in begins]
