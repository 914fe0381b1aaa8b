"""The footnotes a table needs to be read rightly, generated from the protocol and from what is missing."""

from reports.statistics.evidence import Evidence
from reports.statistics.frame import HEADLINE, MEASURED_BY, StudyFrame
from reports.statistics.published import Printed, same_set

_STATES = {
    "missing": "not planned yet",
    "planned": "not run yet",
    "running": "still running",
    "lost": "interrupted",
    "failed": "failed",
}


def protocol_notes(frame: StudyFrame) -> list[str]:
    """What holds for the whole table: seeds, selection, evaluation size, precision, expressions, samples left out."""
    notes = [_seeds(frame), _selection(frame), _size(frame), _precision(frame), *_expressions(frame)]
    if frame.reference:
        notes.append(f"Δ {HEADLINE}: {HEADLINE} minus that of “{frame.reference.label}”, paired by seed.")
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


def deviation_note(frame: StudyFrame, row: str) -> str:
    """What a row was measured by otherwise than the table; empty where nothing."""
    found = frame.deviations.get(row)
    if not found:
        return ""
    said = "; ".join(f"{MEASURED_BY[key]} {value}" for key, value in found.items())
    return f"Another protocol ({said}): not ranked with the others."


def source_note(printed: Printed) -> str:
    """Where a printed number comes from."""
    return f"As printed in {printed.source}" + (f" ({printed.note})" if printed.note else "") + "."


def unlike_notes(frame: StudyFrame) -> list[str]:
    """Why printed numbers the study asks for are not shown."""
    if not frame.study.get("published"):
        return []
    unlike = [
        f"{dataset}, {split}"
        for dataset in frame.datasets
        for split in frame.splits
        if split != "shuffled" and not same_set(dataset, split, frame.expressions(dataset, split))
    ]
    if len(unlike) < len(frame.datasets) * len([split for split in frame.splits if split != "shuffled"]):
        said = ["Published rows: numbers of other papers, above the rule; not ranked with ours."]
    else:
        said = []
    if unlike:
        said.append(f"No published rows for {'; '.join(unlike)}: not the published data set.")
    return said


def evidence_notes(frame: StudyFrame, evidence: Evidence) -> list[str]:
    """What the marks of significance mean and how they were made."""
    notes = []
    if frame.reference and evidence.family:
        compared = {place: len(found.comparisons) for place, found in evidence.statistics.items()}
        where = "; ".join(f"{dataset}, {split}" for (dataset, split), size in compared.items() if size)
        times = min(evidence.resamples.values())
        images = ", ".join(f"{count:,}" for count in evidence.images.values())
        notes.append(
            f"* p < 0.05, ** p < 0.01, *** p < 0.001 against “{frame.reference.label}” on {where}: paired "
            f"permutation test over images ({images} images, {times:,} resamples), Holm-corrected over "
            f"{evidence.family} comparison{'' if evidence.family == 1 else 's'}; it speaks of other images, "
            "not of other seeds."
        )
        inside = [found.comparisons["inside_seed_spread"] for found in evidence.statistics.values()]
        if any(table.fillna(False).any() for table in inside):
            notes.append("† No larger than what seeds alone change (standard deviation of the difference).")
    for (dataset, split), rows in evidence.left_out.items():
        if split in frame.splits:
            notes.append(f"{dataset}, {split}: not compared (other expressions or masks): {', '.join(rows)}.")
    return notes


def verdict_notes(evidence: Evidence) -> list[str]:
    """What became of the study's expectations."""
    return [
        f"Expected {verdict.text} ({verdict.dataset}): {verdict.outcome}, {verdict.reason}."
        for verdict in evidence.verdicts
    ]


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


def _precision(frame: StudyFrame) -> str:
    return "" if frame.precision in ("", "float32") else f"Trained and scored in {frame.precision}."


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


def leaders(frame: StudyFrame) -> list[str]:
    """The best row of every data set on test, in a sentence."""
    said = []
    for dataset in frame.datasets:
        scored = [
            (score, row.label)
            for row in frame.rows_on(dataset)
            if (score := frame.scores(row.key, dataset, "test")[HEADLINE]).n
            and row.key not in frame.deviations
        ]
        if scored:
            score, label = max(scored, key=lambda each: each[0].mean)
            spread = f" ± {score.std:.2f} over {score.n} seeds" if score.n > 1 else " with one seed"
            uneven = len({score.n for score, _ in scored}) > 1
            open_ = "; other rows have other seeds, so this may change" if uneven else ""
            said.append(
                f"{dataset}, test: {label} has the highest {HEADLINE}, {score.mean:.2f}{spread}{open_}."
            )
    return said
