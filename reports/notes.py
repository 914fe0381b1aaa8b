"""The footnotes a table needs to be read rightly, generated from the protocol and from what is missing."""

from reports.frame import HEADLINE, StudyFrame

_STATES = {
    "missing": "not planned yet",
    "planned": "not run yet",
    "running": "still running",
    "lost": "interrupted",
    "failed": "failed",
}


def protocol_notes(frame: StudyFrame) -> list[str]:
    """What holds for the whole table: seeds, selection, evaluation size, expressions, samples left out."""
    notes = [_seeds(frame), _selection(frame), _size(frame), *_expressions(frame)]
    if frame.reference:
        notes.append(f"Δ {HEADLINE}: {HEADLINE} minus that of “{frame.reference.label}”, paired by seed.")
    if scale := frame.study.get("scale"):
        notes.append(f"Models and recipe at scale “{scale}”.")
    return [note for note in notes if note]


def missing_notes(frame: StudyFrame) -> dict[tuple[str, str], str]:
    """What is missing, by (row key, data set), for the lines it concerns."""
    reasons: dict[tuple[str, str], dict[str, list[str]]] = {}
    for line in frame.missing.to_dict("records"):
        reason = _STATES.get(line["state"], line["state"]) + (f" ({line['error']})" if line["error"] else "")
        reasons.setdefault((line["row"], line["dataset"]), {}).setdefault(reason, []).append(
            str(line["seed"])
        )
    return {
        place: "; ".join(
            f"{'Seed' if len(seeds) == 1 else 'Seeds'} {', '.join(seeds)}: {reason}"
            for reason, seeds in found.items()
        )
        + "."
        for place, found in reasons.items()
    }


def _seeds(frame: StudyFrame) -> str:
    seeds = ", ".join(map(str, frame.seeds))
    if not seeds:
        return "No cell is done yet."
    if len(frame.seeds) == 1:
        return f"One seed ({seeds}): differences may be seed noise; nothing is claimed about other seeds."
    return f"Mean ± standard deviation over {len(frame.seeds)} seeds ({seeds})."


def _selection(frame: StudyFrame) -> str:
    split = frame.study.get("protocol", {}).get("select")
    if split == "test":
        return "Epoch chosen on test, as the reproduced code does: these test scores are optimistic."
    return f"Epoch chosen on {split}." if split else ""


def _size(frame: StudyFrame) -> str:
    size = frame.study.get("protocol", {}).get("size")
    if size == "native":
        return "Scored at each image's own size."
    sides = " or ".join(f"{side} px" for side in frame.input_sizes)
    return f"Scored against masks resized to the input size{f' ({sides})' if sides else ''}." if size else ""


def _expressions(frame: StudyFrame) -> list[str]:
    notes = []
    for dataset, numbers in frame.counts.items():
        counts = ", ".join(f"{split} {n:,}" for split, n in numbers["counts"].items())
        skipped = ", ".join(f"{split} {n:,}" for split, n in numbers["skipped"].items() if n)
        if counts:
            notes.append(f"Expressions in {dataset}: {counts}.")
        if skipped:
            notes.append(f"Left out of {dataset} as unusable: {skipped}.")
    return notes
