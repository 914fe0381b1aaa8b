"""What glibc is asked to do with memory that tensors gave back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.models import allocator
from bench.models.allocator import ASKED, keep_memory

FAULTS = """
import resource, sys
import torch
from bench.models.allocator import keep_memory
if sys.argv[1] == "kept" and not keep_memory():
    sys.exit("not glibc")
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.empty(4 * 2**20).fill_(1.0)  # 16 MiB
        torch.empty(6 * 2**20).fill_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(how: str, **environment: str) -> int:
    plain = {name: value for name, value in os.environ.items() if name not in ASKED}
    code = [sys.executable, "-c", FAULTS, how]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        code, env=plain | environment, cwd=root, capture_output=True, text=True, check=False
    )
    if "not glibc" in done.stderr:
        pytest.skip("malloc is not glibc's")
    return int(done.stdout)


def test_the_system_hands_out_no_page_twice() -> None:
    kept = faults("kept")
    assert kept < 2000, "a page is 4 KiB: 20 times 40 MiB are 204,800"
    assert faults("plain", MALLOC_MMAP_THRESHOLD_="131072") > 10 * max(kept, 1)


@pytest.mark.parametrize("name", ASKED)
def test_what_the_environment_says_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(allocator.ctypes, "CDLL", pytest.fail)
    assert not keep_memory()


def test_another_malloc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ASKED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    assert not keep_memory()
