"""What is said of a run of the benchmarks: a table, a plot, and ratios that are kept and compared.

python -m tests.speed.summary write      bench.md and bench.png beside runs/bench/bench.json
python -m tests.speed.summary compare    exit code 1 where one takes more than 20 % longer than the ratios kept
python -m tests.speed.summary accept     keeps the ratios, and puts table and plot into the docs
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from bench.storage import files
from bench.terminal.errors import UserError, command
from reports.figures.palette import looks
from reports.figures.style import WIDTH, save, style

BENCH = Path("runs/bench")
RATIOS = Path(__file__).with_name("ratios.json")
DOCS = Path(__file__).parents[2] / "docs"
MARKERS = ("<!-- table: written by make bench-accept -->", "<!-- end of table -->")
WORSE = 1.2  # times the ratio kept
Ratios = dict[str, dict[str, float]]  # family to case to ratio


@dataclass(frozen=True)
class Measured:
    """One benchmark.

    Attributes:
        family: What is measured.
        case: Which of the family.
        ratio: Its processor time as a multiple of the reference's.
        seconds: Its processor time on the machine that ran it.
        items: Things of `unit` that it does at once.
        unit: What they are; empty: it is one thing.
        size: Where it lies on its family's curve; None: the family is none.
        axis: What `size` counts.
    """

    family: str
    case: str
    ratio: float
    seconds: float
    items: int = 1
    unit: str = ""
    size: int | None = None
    axis: str = ""


@dataclass(frozen=True)
class Change:
    """A ratio that was kept beside the one measured now; None where there is none."""

    family: str
    case: str
    kept: float | None
    now: float | None

    @property
    def bad(self) -> bool:
        """Whether it takes longer than is allowed, or is measured no more."""
        return self.kept is not None and (self.now is None or self.now > WORSE * self.kept)

    @property
    def said(self) -> str:
        """In a word or two."""
        if self.kept is None:
            return "new"
        if self.now is None:
            return "not measured any more"
        return f"{100 * (self.now / self.kept - 1):+.0f} %" + (" worse" if self.bad else "")


def read(path: Path) -> list[Measured]:
    """The benchmarks of a pytest-benchmark file, in the order of their families and sizes.

    Raises:
        UserError: There is no such file, or it holds none.
    """
    found = files.read_json(path)
    each = found.get("benchmarks") if isinstance(found, dict) else None
    if not each:
        raise UserError(f"{path}: there are no measurements.", "Run `make bench`.")
    measured = [_measured(one) for one in each]
    return sorted(measured, key=lambda one: (one.family, one.size or 0))


def _measured(one: dict[str, Any]) -> Measured:
    """The shortest round over the shortest reference: what disturbs a machine only ever adds time."""
    about, seconds = dict(one["extra_info"]), one["stats"]["min"]
    ratio = seconds / min(about.pop("reference"))
    return Measured(ratio=float(f"{ratio:.3g}"), seconds=seconds, **about)


def as_ratios(measured: Iterable[Measured]) -> Ratios:
    """What is kept of them."""
    kept: Ratios = {}
    for one in measured:
        kept.setdefault(one.family, {})[one.case] = one.ratio
    return kept


def kept_ratios(path: Path) -> Ratios:
    """The ratios that were accepted last.

    Raises:
        UserError: There are none, or the file is damaged.
    """
    kept = files.read_json(path)
    if not isinstance(kept, dict) or not kept:
        raise UserError(f"{path}: there are no ratios to compare with.", "Run `make bench-accept`.")
    return kept


def compare(now: Ratios, kept: Ratios) -> list[Change]:
    """Every case that was measured or kept."""
    places = {(family, case): None for each in (now, kept) for family in each for case in each[family]}
    return [
        Change(family, case, kept.get(family, {}).get(case), now.get(family, {}).get(case))
        for family, case in sorted(places)
    ]


def curves(measured: Iterable[Measured]) -> dict[str, dict[str, list[Measured]]]:
    """Axis to family to its points, for families that are curves."""
    found: dict[str, dict[str, list[Measured]]] = {}
    for one in measured:
        if one.size is not None:
            found.setdefault(one.axis, {}).setdefault(one.family, []).append(one)
    return found


def exponent(points: Sequence[Measured]) -> float:
    """The power of the size that its time grows with: the slope of a line through the logarithms."""
    return float(np.polyfit(*_logarithms(points), 1)[0])


def _logarithms(points: Sequence[Measured]) -> tuple[np.ndarray, np.ndarray]:
    return np.log([one.size or 1 for one in points]), np.log([one.ratio for one in points])


def table(measured: Sequence[Measured]) -> str:
    """Markdown: every benchmark, then how the curves grow."""
    lines = ["| family | case | times its reference | here, ms | a second |", "|---|---|--:|--:|--:|"]
    for one in measured:
        rate = f"{one.items / one.seconds:,.0f} {one.unit}" if one.unit else ""
        lines.append(
            f"| {one.family} | {one.case} | {_short(one.ratio)} | {_short(1000 * one.seconds)} | {rate} |"
        )
    grown = [
        f"{family} with {axis} to the power {exponent(points):.2f}"
        for axis, families in curves(measured).items()
        for family, points in families.items()
    ]
    return "\n".join([*lines, *(["", f"Growth: {'; '.join(grown)}."] if grown else [])]) + "\n"


def _short(number: float) -> str:
    """Three digits, none of them an exponent's."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def plot(measured: Sequence[Measured]) -> Figure:
    """A panel per axis: time against size, both logarithmic, with the power law fitted to each family."""
    panels = curves(measured)
    figure = Figure(figsize=(WIDTH, 2.3), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    looked = looks({_what(family): "" for families in panels.values() for family in families})
    for axis, (label, families) in zip(axes, panels.items(), strict=True):
        axis.set(xscale="log", yscale="log", xlabel=label[0].upper() + label[1:])
        for family, points in families.items():
            color = looked[_what(family)].color
            sizes, ratios = zip(*((one.size, one.ratio) for one in points), strict=True)
            power, factor = np.polyfit(*_logarithms(points), 1)
            axis.plot(sizes, np.exp(factor) * np.array(sizes) ** power, color=color, alpha=0.5)
            axis.plot(
                sizes, ratios, "o", color=color, markersize=5, label=f"{_what(family)} ∝ n{_raised(power)}"
            )
            axis.xaxis.set_major_locator(FixedLocator(sizes))
        for each, locator in ((axis.xaxis, NullLocator()), (axis.yaxis, LogLocator(subs=(2, 5)))):
            each.set_major_formatter("{x:g}")
            each.set_minor_formatter("{x:g}")
            each.set_minor_locator(locator)
        axis.margins(x=0.12)
        axis.legend(loc="upper left", handletextpad=0.1, borderpad=0, borderaxespad=0.2)
    low, high = axes[0].get_ylim()
    axes[0].set(ylim=(low, high * 1.6), ylabel="Time / time of the reference")  # room for the legends
    return figure


def _what(family: str) -> str:
    """What a family measures, without what it varies: of `step by batch`, step."""
    return family.partition(" by ")[0]


def _raised(power: float) -> str:
    return f"{power:.2f}".translate(str.maketrans("0123456789.-", "⁰¹²³⁴⁵⁶⁷⁸⁹·⁻"))


def write(measured: Sequence[Measured], folder: Path) -> None:
    """Writes the table, and the plot where there is a curve."""
    files.write_text(folder / "bench.md", table(measured))
    if curves(measured):
        with style():
            save(plot(measured), folder / "bench")


def show(changes: Sequence[Change]) -> str:
    """A table for a terminal: every ratio, kept and now."""
    cells = [("family", "case", "kept", "now", "")]
    cells += [(one.family, one.case, _number(one.kept), _number(one.now), one.said) for one in changes]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place in (2, 3) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _number(ratio: float | None) -> str:
    return "" if ratio is None else _short(ratio)


def accept(measured: Sequence[Measured]) -> None:
    """Keeps the ratios, and puts the table into docs/performance.md and the plot into docs/assets."""
    files.write_json(RATIOS, as_ratios(measured))
    write(measured, BENCH)
    files.write_bytes(DOCS / "assets" / "speed.png", (BENCH / "bench.png").read_bytes())
    page = DOCS / "performance.md"
    between = re.compile(f"(?<={MARKERS[0]}).*(?={MARKERS[1]})", re.DOTALL)
    told = between.sub(lambda _: f"\n\n{table(measured)}\n", page.read_text(encoding="utf-8"))
    files.write_text(page, told)


@command
def main(argv: list[str]) -> int:
    """The command line: exit code 1 where something got slower, 2 where there is nothing to compare."""
    if argv not in (["write"], ["compare"], ["accept"]):
        raise UserError(f"{' '.join(argv) or 'nothing'}: not understood.", "Say write, compare or accept.")
    measured = read(BENCH / "bench.json")
    if argv == ["write"]:
        write(measured, BENCH)
        print(f"{table(measured)}\n{BENCH}/bench.md bench.png bench.pdf bench.json")
        return 0
    if argv == ["accept"]:
        accept(measured)
        print(f"kept: {RATIOS}")
        return 0
    changes = compare(as_ratios(measured), kept_ratios(RATIOS))
    print(show(changes))
    if any(one.bad for one in changes):
        worse = sum(one.bad for one in changes)
        print(
            f"{worse} of {len(changes)} take more than {100 * (WORSE - 1):.0f} % longer, or are gone. "
            "If this is wanted: `make bench-accept`.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
