"""What the epochs of a cell say together. Imports nothing heavy: `bench.status` reads thousands of them."""

from bench.storage.cell import Record


def trained(history: list[Record], images: int) -> tuple[int, float]:
    """Images that were trained and the seconds this took, evaluations included.

    Of an epoch cut by a kill, seconds and images are those of the attempt that ended it.

    Args:
        history: A cell's.
        images: Of an epoch, for records of older versions, which have no `images`.
    """
    return (
        sum(epoch.get("images", images) for epoch in history),
        sum(epoch.get("seconds", 0) for epoch in history),
    )


def chosen_epoch(metrics: Record) -> str | None:
    """`Epoch 3 of 40`, counted from 1 as people do; None where nothing was trained.

    Args:
        metrics: A cell's; its `best_epoch` is counted from 0.
    """
    best, epochs = metrics.get("best_epoch", -1), metrics.get("epochs")
    if best < 0:
        return None
    return f"Epoch {best + 1}" + (f" of {epochs}" if epochs else "")
