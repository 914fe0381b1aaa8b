import numpy as np

from reports.figures.strips import Strip, lay_out
from reports.figures.style import style


def test_text_of_strips_stays_inside_the_figure() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    long = "The ship on the left of the harbour " * 9 + "x" * 300
    strip = Strip(long, "why", [(pixels, "1.0")] * 8)
    with style():
        drawn = lay_out(["A row with a rather long label"] * 8, [strip] * 2, "foot")
        drawn.canvas.draw()
        page = drawn.bbox
        for text in drawn.texts:
            box = text.get_window_extent()
            assert page.x0 - 1 <= box.x0
            assert box.x1 <= page.x1 + 1
            assert page.y0 - 1 <= box.y0
            assert box.y1 <= page.y1 + 1
