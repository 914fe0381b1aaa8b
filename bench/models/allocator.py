"""Memory of this process that models compute in."""

import ctypes
import os

THRESHOLD, TRIM = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of glibc's malloc.h
LARGEST = 32 * 2**20  # the highest threshold that glibc takes
ASKED = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep_memory() -> bool:
    """Lets this process keep memory that tensors gave back, for the tensors of the next step.

    By itself glibc returns large blocks to the system, which then hands out, and clears, every page of them anew:
    5 to 8 % of a step at paper scale on a CPU (docs/performance.md). Values of tensors do not depend on it. Blocks of
    more than 32 MiB still go back.

    Returns:
        False where malloc is not glibc's, or the environment says how it should work.
    """
    if any(name in os.environ for name in ASKED):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return False
    return bool(mallopt(THRESHOLD, LARGEST)) and bool(mallopt(TRIM, 2**31 - 1))
