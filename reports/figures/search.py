"""Figures of a search: its history, what each value scored, what mattered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from reports.figures.palette import HUES
from reports.figures.style import WIDTH, save, style
from reports.figures.trial import Trial

BLUE, ORANGE = HUES["blue"].color, HUES["orange"].color
GREY = "#9a9a9a"
ACROSS = 3  # panels side by side
FINISHED, GIVEN_UP, FAILED = "finished", "given up", "failed"


def draw_search(
    trials: Sequence[Trial], metric: str, importances: Mapping[str, float], folder: Path
) -> list[Path]:
    """Writes `history`, `values` and, where importances are known, `importance`, as PNG and PDF."""
    with style():
        drawn = {"history": history(trials, metric), "values": values(trials, metric)}
        if importances:
            drawn["importance"] = importance(importances)
        return [path for name, figure in drawn.items() for path in save(figure, folder / name)]


def history(trials: Sequence[Trial], metric: str) -> Figure:
    """Every trial's score in the order they were begun, and the best so far."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    axis = figure.subplots()
    finished, stopped = _scored(trials, FINISHED), _scored(trials, GIVEN_UP)
    _dots(axis, [(trial.number, _score(trial)) for trial in finished], filled=True)
    _dots(axis, [(trial.number, _score(trial)) for trial in stopped], filled=False)
    best = float("-inf")
    steps: list[tuple[float, float]] = []
    for trial in finished:
        best = max(best, _score(trial))
        steps.append((trial.number, best))
    if steps:
        steps.append((max(trial.number for trial in trials) + 0.5, best))
        axis.step(*zip(*steps, strict=True), where="post", color=ORANGE, label="best so far", zorder=1)
    failed = [trial.number for trial in trials if trial.state == FAILED]
    if failed:
        axis.plot(
            failed,
            [0.03] * len(failed),
            "x",
            color=GREY,
            transform=axis.get_xaxis_transform(),
            label=FAILED,
        )
    axis.set(xlabel="Trial", ylabel=f"{metric} on val (%)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


def values(trials: Sequence[Trial], metric: str) -> Figure:
    """One panel per searched key: its value against the score."""
    shown = _scored(trials, FINISHED) + _scored(trials, GIVEN_UP)
    keys = sorted({key for trial in shown for key in trial.params})
    down = -(-len(keys) // ACROSS)
    across = min(len(keys), ACROSS)
    figure = Figure(figsize=(WIDTH, 2.3 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axis, key in zip(axes, keys, strict=False):
        _panel(axis, key, shown)
    for axis in axes[len(keys) :]:
        axis.set_visible(False)
    for axis in axes[::across]:
        axis.set_ylabel(f"{metric} on val (%)")
    return figure


def _panel(axis: Axes, key: str, trials: Sequence[Trial]) -> None:
    choices = sorted({str(trial.params[key]) for trial in trials if not _is_number(trial.params[key])})
    for state, filled in ((FINISHED, True), (GIVEN_UP, False)):
        shown = [trial for trial in trials if trial.state == state]
        places = [
            choices.index(str(trial.params[key])) if choices else float(trial.params[key]) for trial in shown
        ]
        _dots(axis, list(zip(places, map(_score, shown), strict=True)), filled=filled)
    axis.set_xlabel(key)
    if choices:
        axis.set_xticks(range(len(choices)), choices)
        axis.set_xlim(-0.5, len(choices) - 0.5)
    elif key in trials[0].logarithmic:
        _logarithmic(axis, [float(trial.params[key]) for trial in trials])
    elif all(float(trial.params[key]).is_integer() for trial in trials):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.margins(x=0.2)


def _logarithmic(axis: Axes, shown: list[float]) -> None:
    """Decades, or halves of them where there are few, as plain numbers."""
    wide = max(shown) > 100 * min(shown)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 3)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def importance(found: Mapping[str, float]) -> Figure:
    """How much each key matters for being among the good trials."""
    figure = Figure(figsize=(WIDTH, 0.7 + 0.3 * len(found)), layout="constrained")
    axis = figure.subplots()
    keys = list(found)[::-1]
    bars = axis.barh(keys, [found[key] for key in keys], color=BLUE, height=0.6)
    axis.bar_label(bars, fmt="%.2f", padding=3)
    axis.set(xlabel="Importance (shares of one)", xlim=(0, max(found.values()) * 1.12 or 1))
    axis.grid(visible=False, axis="y")
    return figure


def _dots(axis: Axes, points: list[tuple[float, float]], *, filled: bool) -> None:
    if points:
        axis.plot(
            *zip(*points, strict=True),
            "o",
            color=BLUE,
            markerfacecolor=BLUE if filled else "white",
            label=FINISHED if filled else GIVEN_UP,
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scored(trials: Sequence[Trial], state: str) -> list[Trial]:
    return [trial for trial in trials if trial.state == state and trial.value is not None]


def _score(trial: Trial) -> float:
    assert trial.value is not None
    return trial.value
