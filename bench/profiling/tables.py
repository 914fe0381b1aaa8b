"""The cost of models as tables for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.storage import files


@dataclass(frozen=True)
class Profiled:
    """One row of a study on one data set, and what its model costs."""

    label: str
    dataset: str
    folder: Path
    counts: dict[str, Any]
    measured: dict[str, Any] | None  # on this machine, now

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "label": self.label,
            "dataset": self.dataset,
            "architecture": self.folder.name,
            "counts": self.counts,
            "measured": self.measured,
        }


def show(profiled: Sequence[Profiled], console: Console) -> None:
    """Prints what every model costs, how long it takes if that was measured, its parts, and what the numbers mean."""
    console.print(_models(profiled))
    if any(_batches(each) for each in profiled):
        console.print(_times(profiled))
    console.print(_parts(profiled))
    for note in notes(profiled):
        console.print(note, style="dim", soft_wrap=True, highlight=False, markup=False)


def _table(title: str, heads: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right", no_wrap=place >= 2)
    for line in lines:
        table.add_row(*map(escape, line))
    return table


def _models(profiled: Sequence[Profiled]) -> Table:
    heads = ["model", "data", "params M", "trained M", "GMACs", "GFLOPs", "params M, papers", "GMACs, papers"]
    lines = []
    for each in profiled:
        counts = each.counts
        line = [each.label, each.dataset, _millions(counts["parameters"]), _millions(counts["trained"])]
        line += [_billions(counts["macs"]), _billions(counts["flops"])]
        line += [_millions(counts["published"]["parameters"]), _billions(counts["published"]["macs"])]
        lines.append(line)
    return _table("Cost of one forward pass", heads, lines)


def _times(profiled: Sequence[Profiled]) -> Table:
    heads = ["model", "data", "batch", "ms", "quartiles", "images/s", "memory"]
    lines = [
        [each.label, each.dataset, size, *_measured(batch)]
        for each in profiled
        for size, batch in _batches(each).items()
    ]
    return _table("Time and memory of one forward pass", heads, lines)


def _measured(batch: dict[str, Any]) -> list[str]:
    times, peak = batch["latency_ms"], batch["peak_memory"]
    return [
        f"{times['median']:.1f}",
        f"{times['q1']:.1f}-{times['q3']:.1f}",
        f"{batch['images_per_second']:.1f}",
        files.size(peak) if peak is not None else "",
    ]


def _parts(profiled: Sequence[Profiled]) -> Table:
    timed = any(_batches(each) for each in profiled)
    lines, seen = [], set()
    for each in profiled:
        if each.folder in seen:
            continue
        seen.add(each.folder)
        first = next(iter(_batches(each).values()), None)
        for part, counts in each.counts["rooms"].items():
            line = [each.label, part, _millions(counts["parameters"]), _millions(counts["trained"])]
            line.append(_billions(counts["macs"]))
            if first:
                line.append(f"{first['rooms'][part]:.1f}")
            lines.append(line)
    heads = ["model", "part", "params M", "trained M", "GMACs"]
    size = next((size for each in profiled for size in _batches(each)), "")
    return _table("Part by part", [*heads, *([f"ms, batch {size}"] if timed else [])], lines)


def notes(profiled: Sequence[Profiled]) -> list[str]:
    """What a reader of the numbers must know."""
    counts = profiled[0].counts
    said = [
        f"Operations: one image of {_all(profiled, 'size')} px, a sentence padded to {_all(profiled, 'max_tokens')} "
        f"tokens; matrix products and convolutions. Left out: {counts['left_out']}.",
        'Published "GFLOPs" of these models are multiply-accumulates: compare them with GMACs, papers.',
    ]
    reasons: dict[str, list[str]] = {}
    for label, known in {each.label: each.counts for each in profiled}.items():
        for reason in known["published"]["because"]:
            reasons.setdefault(reason, []).append(label)
    said += [f"As papers count {', '.join(labels)}: {reason}." for reason, labels in reasons.items()]
    measured = next((each.measured for each in profiled if each.measured), None)
    if measured:
        machine = measured["environment"]
        cuda = machine["device_type"] == "cuda"
        said.append(
            f"Latency: median over passes after a warm-up, on {machine['device']}"
            + ("" if cuda else f", CPU threads: {machine['threads']}")
            + f", {machine['precision']}, torch {machine['torch']}. Parts are timed in passes of their own."
        )
        if not cuda:
            said.append(
                "Peak memory is measured on GPUs alone: a CPU process's is mostly libraries and allocator."
            )
    return said


def _batches(each: Profiled) -> dict[str, Any]:
    return each.measured["batches"] if each.measured else {}


def _all(profiled: Sequence[Profiled], key: str) -> str:
    return " or ".join(dict.fromkeys(str(each.counts[key]) for each in profiled))


def _millions(number: int) -> str:
    return f"{number / 1e6:.2f}"


def _billions(number: int) -> str:
    return f"{number / 1e9:.1f}" if number >= 1e11 else f"{number / 1e9:.3f}"
