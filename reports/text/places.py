"""Where a number was measured, in words: a data set and one of its splits, or the test split of a further set."""

from bench.storage.splits import TEST, further_set


def place_title(dataset: str, split: str) -> str:
    """`rrsisd, test`, or `rrsisd → refsegrs, test` of what was trained on one and scored on the other.

    Args:
        dataset: The cells'.
        split: As stored; empty: the data set alone.
    """
    if further := further_set(split):
        return f"{dataset} → {further}, {TEST}"
    return ", ".join(filter(None, (dataset, split)))
