"""One look for every figure: fonts, sizes, one colour per row everywhere; same figure, same bytes."""

import io
import itertools
import textwrap
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib import style as styles
from matplotlib.figure import Figure

from bench.storage import files

# Okabe and Ito's colours (told apart with any colour vision) without yellow and black, which drown in white
# paper and in photographs, and Tol's wine; in an order whose neighbours differ in lightness too.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255")
MARKS = ("#d3e7f7", "#fbe4c0")  # behind object and position words
LineStyle = Literal["-", "--", ":", "-."]
LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")
MARKERS = dict(zip(LINES, "os^D", strict=True))  # where a row is a point, not a line
WIDTH = 7.2  # inches: the text width of a two-column page
COLUMN = 3.5  # inches: one of its columns
DPI = 200
METHODS = ("LAVT", "LGCE", "RMSIN", "FIANet")  # always in the first colours

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "lines.linewidth": 1.5,
    "lines.markersize": 3.5,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,  # TrueType: what publishers accept
    "text.parse_math": False,  # a label may hold any character
}


@dataclass(frozen=True)
class Look:
    """How one row is drawn in every figure."""

    color: str
    line: LineStyle


def looks(methods: Mapping[str, str]) -> dict[str, Look]:
    """A colour per row; line styles change where colours start again.

    Published models have the same colour in every study. Other rows take, in their order, first the colours that no
    model has, then those of models that are not in the study.

    Args:
        methods: Row key to the published model it is; empty: none.
    """
    fixed = dict(zip(METHODS, COLORS, strict=False))
    used = {fixed[method] for method in methods.values() if method}
    spare = sorted(
        (color for color in COLORS if color not in used), key=lambda color: color in fixed.values()
    )
    every = [(color, line) for line in LINES for color in (spare if line == "-" else COLORS)]
    others = itertools.cycle(Look(color, line) for color, line in every)
    return {key: Look(fixed[method], "-") if method else next(others) for key, method in methods.items()}


def short(label: str) -> str:
    """A label that leaves room for the figure."""
    return textwrap.shorten(label, 44, placeholder=" …")


def style() -> AbstractContextManager[None]:
    """The settings figures are drawn and saved under."""
    return styles.context(["default", _SETTINGS])


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Writes `<stem>.png` and `<stem>.pdf` (vector) without dates or versions: same figure, same bytes."""
    paths = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.pdf")
    metadata: tuple[dict[str, None], ...] = (
        {"Software": None},
        {"CreationDate": None, "Creator": None, "Producer": None},
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")  # shows as a box, like anywhere else
        for path, entries in zip(paths, metadata, strict=True):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=path.suffix[1:], metadata=entries)
            files.write_bytes(path, buffer.getvalue())
    return paths
