"""How much memory is left for an image."""

import re
from pathlib import Path


def free_memory() -> int | None:
    """Bytes that can be taken before the system swaps or ends processes; None where it does not say."""
    try:
        found = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    except OSError:  # not Linux
        return None
    return int(found[1]) * 1024 if found else None
