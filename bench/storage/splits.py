"""How a cell's files call the splits it was scored on: `val`, `test`, `shuffled`, and `NAME/test` of further sets."""

TEST = "test"


def further_split(name: str) -> str:
    """What the test split of a further set is called."""
    return f"{name}/{TEST}"


def further_set(split: str) -> str:
    """The further set that a split belongs to; empty for a split of the set that was trained on."""
    return split.rpartition("/")[0]
