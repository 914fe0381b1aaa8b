"""How benchmarks are measured: as multiples of a fixed piece of work, done in the same process before every round.

Times say what this machine does at this moment; their ratios to the work beside them hold from day to day.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.config.request import Request
from bench.study.prepare import prepare
from tests.reports.conftest import images, make_study, unfigured

__all__ = ["images", "make_study", "unfigured"]  # fixtures

_MATRIX = torch.linspace(0, 1, 800 * 800).reshape(800, 800)
_PRODUCT = torch.empty_like(_MATRIX)
_DOCUMENT = {f"key {number}": [number, number / 7, {"name": "x" * 20}] for number in range(3000)}


def arithmetic() -> None:
    """A product of two matrices: what models are measured by."""
    torch.mm(_MATRIX, _MATRIX, out=_PRODUCT)


def interpreting() -> None:
    """JSON there and back, by the interpreter's own code: what planning, reading and writing are measured by."""
    json.loads(json.dumps(_DOCUMENT, indent=1))


Work = Callable[[], object]
Speed = Callable[..., None]


@pytest.fixture
def speed(benchmark: BenchmarkFixture) -> Speed:
    """Measures some work and says what it was: `speed(work, "plan", "100 cells", ...)`.

    Args of the function: the work; its family; which of the family; `items` things of a `unit` that are done at
    once; `size` if the family is a curve over an `axis`; the `reference`; how many `rounds`.
    """

    def measure(
        work: Work,
        family: str,
        case: str,
        *,
        items: int = 1,
        unit: str = "",
        size: int | None = None,
        axis: str = "",
        reference: Work = arithmetic,
        rounds: int = 10,
    ) -> None:
        beside: list[float] = []

        def timed() -> None:
            for _ in range(-(-10 // rounds)):
                begun = time.process_time()
                reference()
                beside.append(time.process_time() - begun)

        reference()
        work()
        benchmark.group = family
        benchmark.extra_info.update(
            family=family, case=case, items=items, unit=unit, size=size, axis=axis, reference=beside
        )
        benchmark.pedantic(work, setup=timed, rounds=rounds)

    return measure


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for a disk: it is no processor time, and minutes of making stores."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Words that ask for the tiny scale on a few scenes, drawn once."""
    root = tmp_path_factory.mktemp("drawn")
    words = ["scale=tiny", "data.synthetic.train=12", "data.synthetic.val=8", "data.synthetic.test=3"]
    words += [f"data.root={root / 'data'}", f"data.cache={root / 'cache'}", "tracking.enabled=false"]
    prepare(Request.parse([*words, f"store={root / 'runs'}"]))
    return words


@pytest.fixture
def sentences() -> list[str]:
    """Two hundred of the lengths and kinds that data sets hold."""
    things = ("ship", "tennis court", "bridge", "storage tank", "expressway toll station")
    kinds = (
        "The small green {}",
        "A {} in the middle",
        "The long red {} on the upper right of the gray bridge",
        "A {} is a little smaller than the ground track field at the bottom",
    )
    return [kind.format(thing) for kind in kinds for thing in things] * 10


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "runs"
