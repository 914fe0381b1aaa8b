"""One look for every figure: fonts and sizes; same figure, same bytes. What colour a row has says `palette`."""

import io
import textwrap
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import style as styles
from matplotlib.figure import Figure

from bench.storage import files
from reports.statistics.frame import StudyRow

MARKS = ("#d3e7f7", "#fbe4c0")  # behind object and position words
WIDTH = 7.2  # inches: the text width of a two-column page
COLUMN = 3.5  # inches: one of its columns
DPI = 200
LONGEST = 44  # letters of a label

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


def short(row: StudyRow) -> str:
    """A label that leaves room for the figure: where the row's is too long its short one, or its beginning."""
    fits = len(row.label) <= LONGEST
    return row.label if fits else row.short or textwrap.shorten(row.label, LONGEST, placeholder=" …")


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
