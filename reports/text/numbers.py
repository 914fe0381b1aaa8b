"""Numbers as the field prints them."""


def two_decimals(value: float, *, signed: bool = False) -> str:
    """A number with two decimals and a real minus; nothing is minus zero."""
    return f"{round(value, 2) + 0.0:{'+' if signed else ''}.2f}".replace("-", "−")
