"""One look for every figure: fonts, sizes, one colour per row everywhere; same figure, same bytes."""

import io
import textwrap
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from matplotlib import style as styles
from matplotlib.figure import Figure

from bench import files

# Okabe and Ito's colours (told apart with any colour vision) without yellow and black, which drown in white
# paper and in photographs, and Tol's wine; in an order whose neighbours differ in lightness too.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255")
LineStyle = Literal["-", "--", ":", "-."]
LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")
WIDTH = 7.2  # inches: the text width of a two-column page

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
    "lines.linewidth": 1.5,
    "lines.markersize": 3.5,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # TrueType: what publishers accept
    "text.parse_math": False,  # a label may hold any character
}


@dataclass(frozen=True)
class Look:
    """How one row is drawn in every figure."""

    color: str
    line: LineStyle


def looks(keys: Iterable[str]) -> dict[str, Look]:
    """A colour per row by its place in the study; line styles change where colours start again."""
    count = len(COLORS)
    return {
        key: Look(COLORS[place % count], LINES[place // count % len(LINES)]) for place, key in enumerate(keys)
    }


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
