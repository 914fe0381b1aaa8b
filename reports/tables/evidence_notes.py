"""What the numbers of a table support, in words: which stand out, what was tested, which rows are no evidence."""

from collections.abc import Mapping, Sequence

from reports.statistics.evidence import Evidence, Verdict
from reports.statistics.frame import HEADLINE, Score, StudyFrame
from reports.statistics.two_way import SEEDS, Leading
from reports.tables.marks import Best, Marks, Stars
from reports.text.numbers import two_decimals
from reports.text.places import place_title

FEW = 20  # expressions: numbers that rest on fewer are grey and not ranked
FEW_SAID = f"Grey (in parentheses where there is no grey): fewer than {FEW} expressions, not ranked."


def trouble_note(evidence: Evidence, row: str, dataset: str) -> str:
    """What went wrong with a row's training; empty where nothing did."""
    trouble = evidence.troubles.get((row, dataset))
    return trouble.said if trouble else ""


def trouble_notes(frame: StudyFrame, evidence: Evidence) -> list[str]:
    """The same for a table that has no marks on rows."""
    return [
        f"{row.label} on {dataset}: {said[0].lower()}{said[1:]}"
        for dataset in frame.datasets
        for row in frame.rows_on(dataset)
        if (said := trouble_note(evidence, row.key, dataset))
    ]


def too_few(frame: StudyFrame, dataset: str, split: str) -> bool:
    """Whether a split's numbers rest on too few expressions to be ranked."""
    expressions = frame.expressions(dataset, split)
    return expressions is not None and 0 < expressions < FEW


def few_note(frame: StudyFrame) -> list[str]:
    """What is grey, where something is."""
    return [FEW_SAID] if any(too_few(frame, *place) for place in frame.places) else []


def mark_notes(frame: StudyFrame, evidence: Evidence, marks: Marks) -> list[str]:
    """What is bold, or why nothing is."""
    if not frame.seeds:
        return []
    found = [lead for place in evidence.leads.values() for lead in place.values()]
    if marks.best == Best.group and found and not any(lead.over_seeds for lead in found):
        return [
            f"Nothing is bold: fewer than {SEEDS} seeds do not say which row is best, whatever the numbers "
            "(best=maximum marks the highest)."
        ]
    return mark_said(marks, any(lead.stand_out for lead in found))


def mark_said(marks: Marks, anything: bool, along: str = "column") -> list[str]:
    """What is bold in a table, given whether anything is, and along what numbers are ranked."""
    if marks.best == Best.maximum:
        return [
            "Bold: the highest number; underlined: the second. Whether others can be told from them is not tested."
        ]
    if not anything:
        return []
    return [
        "Bold: the highest number and all that a paired test over seeds and images cannot tell from it (p ≥ 0.05, "
        f"Holm-corrected by {along}); nothing is bold where that holds of every row."
    ]


def evidence_notes(frame: StudyFrame, evidence: Evidence, marks: Marks) -> list[str]:
    """What the marks of significance mean and how they were made."""
    notes = []
    if frame.reference and evidence.family:
        notes += _tests(frame.reference.label, evidence, marks)
        inside = [found.comparisons["inside_seed_spread"] for found in evidence.statistics.values()]
        if any(table.fillna(False).any() for table in inside):
            notes.append(
                "† No larger than what seeds alone change (standard deviation of the difference); marked on test."
            )
    labels = {row.key: row.label for row in frame.rows}
    for dataset in frame.datasets:
        if frame.reference and (said := evidence.collapsed(frame.reference.key, dataset)):
            notes.append(
                f"{dataset}: nothing is compared with “{frame.reference.label}”, which collapsed ({said})."
            )
    for (dataset, split), rows in evidence.left_out.items():
        if split in frame.splits_on(dataset):
            named = ", ".join(labels.get(row, row) for row in rows)
            notes.append(
                f"{place_title(dataset, split)}: not compared (other expressions or masks): {named}."
            )
    return notes


def _tests(reference: str, evidence: Evidence, marks: Marks) -> list[str]:
    """Which tests the stars come from, and of which variation they speak."""
    compared = {place: len(found.comparisons) for place, found in evidence.statistics.items()}
    where = "; ".join(place_title(*place) for place, size in compared.items() if size)
    images = ", ".join(f"{count:,}" for count in evidence.images.values())
    times = min(evidence.resamples.values())
    kinds = {
        True: f"of other seeds and other images together (paired t-test of a two-way model, {images} images)",
        False: "of other images alone, not of other trainings (paired permutation test, "
        f"{images} images, {times:,} resamples)",
    }
    family = f"Holm-corrected over {evidence.family} comparison{'' if evidence.family == 1 else 's'}"
    if evidence.over_seeds == {False} and marks.stars == Stars.seeds:
        return [
            f"No stars: fewer than {SEEDS} seeds. Tests against “{reference}” speak {kinds[False]}; "
            "stars=images shows them all the same."
        ]
    spoken = "; ".join(kinds[kind] for kind in sorted(evidence.over_seeds, reverse=True))
    if evidence.over_seeds == {True, False}:
        spoken += f", where fewer than {SEEDS} seeds are shared"
        spoken += "" if marks.stars == Stars.images else " (no stars)"
    return [
        f"* p < 0.05, ** p < 0.01, *** p < 0.001 against “{reference}” on {where}, {family}; they speak {spoken}."
    ]


def interval_note(evidence: Evidence) -> str:
    """Of which variation intervals speak."""
    over = frozenset(
        bool(each) for found in evidence.statistics.values() for each in found.rows["over_seeds"]
    )
    both = "over seeds and images together (Student's t, two-way model)"
    alone = "over images alone (bootstrap, expressions of an image drawn together, seeds averaged)"
    if over == {True}:
        return f"95 % intervals: {both}."
    if over == {False}:
        return f"95 % intervals: {alone}."
    return f"95 % intervals: {both}; of rows with fewer than {SEEDS} seeds {alone}."


def verdict_notes(evidence: Evidence) -> list[str]:
    """What became of the study's expectations, a sentence each."""
    return [_verdict(verdict) for verdict in evidence.verdicts]


def _verdict(verdict: Verdict) -> str:
    points = f"more than {verdict.margin:g} point{'' if verdict.margin == 1 else 's'} higher"
    higher = f"{points if verdict.margin else 'higher'} than {verdict.base} in {verdict.metric}"
    where = f"on the test split of {verdict.dataset}: {verdict.reason}."
    if verdict.outcome == "met":
        return f"As expected, {verdict.better} scores {higher} {where}"
    if verdict.outcome == "not met":
        return f"Contrary to what was expected, {verdict.better} does not score {higher} {where}"
    return f"Whether {verdict.better} scores {higher}, as expected, remains open {where}"


def leaders(frame: StudyFrame, evidence: Evidence | None = None) -> list[str]:
    """The highest row of every data set on test, which rows cannot be told from it, and which learned nothing."""
    evidence, said = evidence or Evidence(), []
    for dataset in frame.datasets:
        scores = {row.key: frame.scores(row.key, dataset, "test")[HEADLINE] for row in frame.rows_on(dataset)}
        labels = {row.key: row.label for row in frame.rows}
        scored = [key for key, score in scores.items() if score.n and evidence.competes(frame, key, dataset)]
        if too_few(frame, dataset, "test"):
            said.append(f"The test split of {dataset} has fewer than {FEW} expressions: nothing is ranked.")
        elif scored:
            best = max(scored, key=lambda key: scores[key].mean)
            lead = evidence.leads.get((dataset, "test"), {}).get(HEADLINE)
            numbers = {key: f"{labels[key]} ({two_decimals(scores[key].mean)})" for key in scored}
            uneven = len({scores[key].n for key in scored}) > 1
            open_ = " Other rows have other seeds, so this may change." if uneven else ""
            found = _lead(labels[best], best, scores[best], lead, numbers)
            said.append(f"On the test split of {dataset}, {found}.{open_}")
    return said + trouble_notes(frame, evidence)


def _lead(label: str, best: str, score: Score, lead: Leading | None, numbers: Mapping[str, str]) -> str:
    spread = f" ± {score.std:.2f} over {score.n} seeds" if score.n > 1 else " with one seed"
    highest = f"{label} has the highest {HEADLINE}, {two_decimals(score.mean)}{spread}"
    if lead is None or lead.of == 1:
        return highest
    near = _listed([numbers[row] for row in lead.rows if row in numbers and row != best])
    over = (
        "a paired test over seeds and images" if lead.over_seeds else "a paired test over other images alone"
    )
    if not near:
        told = f"{over} tells it from all others"
    elif len(lead.rows) == lead.of:
        highest = f"no row stands out: {highest}"
        told = f"{over} tells it from no other"
    else:
        told = f"{over} cannot tell it from {near}"
    if lead.over_seeds:
        return f"{highest}; {told}"
    return f"{highest}; {told}, and fewer than {SEEDS} seeds do not say which row is best"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
