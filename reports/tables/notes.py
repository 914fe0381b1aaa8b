"""The footnotes a table needs to be read rightly, generated from the protocol and from what is missing."""

from bench.storage.splits import further_set, further_split
from reports.statistics.frame import HEADLINE, MEASURED_BY, StudyFrame
from reports.statistics.protocol import row_protocol
from reports.statistics.published import Printed, same_set
from reports.text.places import place_title

_STATES = {
    "missing": "not planned yet",
    "planned": "not run yet",
    "running": "still running",
    "lost": "lost",
    "failed": "failed",
}

PRECISION = (
    "The released codes let GPUs compute in TF32 (torch 1.7; FIANet's torch 1.12 in convolutions alone): "
    "recipe.precision=tf32 is the nearest"
)


def protocol_notes(frame: StudyFrame) -> list[str]:
    """What holds for the whole table: seeds, selection, evaluation size, precision, expressions, samples left out."""
    notes = [_seeds(frame), *_selection(frame), _size(frame), _precision(frame), *_expressions(frame)]
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


def row_note(frame: StudyFrame, row: str) -> str:
    """How a row's epoch was chosen, where rows say so each, and what it was measured by otherwise than the table.

    Where further sets are scored also whether its weights were given.
    """
    said = [frame.protocols[row].choice] if row in frame.protocols and _row_by_row(frame) else []
    given = row in frame.protocols and not frame.protocols[row].select
    if given and frame.study.get("also"):
        said.append("Given weights, not trained here: on what they were trained is not known.")
    if found := frame.deviations.get(row):
        other = "; ".join(f"{MEASURED_BY[key]} {value}" for key, value in found.items())
        said.append(f"Another protocol ({other}): not ranked with the others.")
    return " ".join(filter(None, said))


def start_note(frame: StudyFrame, row: str) -> str:
    """Which parts of a row's model started from random weights where pretrained ones are usual; empty where none."""
    parts = frame.random_starts.get(row)
    if not parts:
        return ""
    return (
        f"{' and '.join(parts).capitalize()} started from random weights, not from pretrained ones as usual."
    )


def unscored_note(frame: StudyFrame, row: str, dataset: str, split: str) -> str:
    """Why a row with results has none on a further set; empty where it has, or where it has no results at all."""
    if not further_set(split) or not frame.cell_ids(dataset, row):
        return ""
    scored = frame.scores(row, dataset, split)[HEADLINE].n
    return (
        "" if scored else f"Not scored on {further_set(split)}: protocol.also of this row does not name it."
    )


def subset_note(frame: StudyFrame, row: str, dataset: str) -> str:
    """Which part of the training images a row learned from; empty where it was all of them."""
    part = frame.subsets.get((row, dataset))
    if part is None:
        return ""
    return (
        f"Trained on {100 * part.images / part.of:.3g} % of the training images of {dataset}: "
        f"{part.images:,} of {part.of:,} images, {part.sentences:,} sentences."
    )


def training_notes(frame: StudyFrame) -> list[str]:
    """How rows were trained otherwise than usual, for a table that has no marks on them."""
    labels: dict[str, list[str]] = {}
    for row in frame.rows:
        notes = [subset_note(frame, row.key, dataset) for dataset in frame.datasets]
        for note in filter(None, (start_note(frame, row.key), *notes)):
            labels.setdefault(note, []).append(row.label)
    return [f"{', '.join(rows)}: {note[0].lower()}{note[1:]}" for note, rows in labels.items()]


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


def _seeds(frame: StudyFrame) -> str:
    seeds = ", ".join(map(str, frame.seeds))
    if not seeds:
        return "No cell is done yet."
    if len(frame.seeds) == 1:
        return f"One seed ({seeds}): differences may be seed noise; nothing is claimed about other seeds."
    return f"Mean ± standard deviation over {len(frame.seeds)} seeds ({seeds})."


def _row_by_row(frame: StudyFrame) -> bool:
    """Whether rows do as released codes did, and these chose their epochs differently."""
    choices = {protocol.choice for protocol in frame.protocols.values() if protocol.choice}
    return len(choices) > 1 and any(protocol.said for protocol in frame.protocols.values())


def _selection(frame: StudyFrame) -> list[str]:
    """How epochs were chosen, and how precisely published codes computed where a row does as they did."""
    usual = [
        protocol.choice
        for row, protocol in frame.protocols.items()
        if protocol.choice and not {"select", "metric"} & set(frame.deviations.get(row, ()))
    ]
    notes = [*usual, row_protocol({}, frame.study).choice][:1]
    if _row_by_row(frame):
        notes = ["Epochs chosen row by row: see the letter beside each."]
    published = [protocol for protocol in frame.protocols.values() if protocol.said]
    if published:
        used = ", ".join(sorted({protocol.precision for protocol in published if protocol.precision}))
        notes.append(f"{PRECISION}{f' (here {used})' if used else ''}.")
    return notes


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
        counts, skipped = (
            ", ".join(f"{split} {n:,}" for split, n in found.items() if n and _shown(frame, dataset, split))
            for found in (numbers["counts"], numbers["skipped"])
        )
        if counts:
            notes.append(f"Expressions in {dataset}: {counts}.")
        if skipped:
            notes.append(f"Left out of {dataset} as unusable: {skipped}.")
        notes += [_further(frame, dataset, name) for name in frame.further_on(dataset)]
    return notes


def _shown(frame: StudyFrame, dataset: str, split: str) -> bool:
    """Whether a split's size concerns this table: shuffled sentences where they are shown, further sets elsewhere."""
    return not further_set(split) and (split != "shuffled" or split in frame.splits_on(dataset))


def _further(frame: StudyFrame, dataset: str, name: str) -> str:
    """What a further set is to the models that were scored on it."""
    split, numbers = further_split(name), frame.counts[dataset]
    scored, left_out = (numbers[kind].get(split, 0) for kind in ("counts", "skipped"))
    said = f"{place_title(dataset, split)}: {scored:,} expressions of {name}"
    said += f" ({left_out:,} left out as unusable)" if left_out else ""
    trained = any(
        frame.protocols[row.key].select for row in frame.rows_on(dataset) if row.key in frame.protocols
    )
    if trained:
        said += f", scored by models trained on {dataset}; nothing of {name} was trained on, and it chose no epoch"
    return f"{said}."
