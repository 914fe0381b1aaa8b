"""A real Slurm to submit to, and one cell long enough to be interrupted."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.storage.cell import Cell
from bench.storage.store import Store

REPO = Path(__file__).parents[2]
WORDS = [
    *("data.synthetic.train=12", "data.synthetic.val=3", "data.synthetic.test=3", "data.synthetic.size=64"),
    *("data.synthetic.per_image=2", "model.encoder.embed_dim=8", "model.encoder.depths=[1,1,1,1]"),
    *("model.encoder.heads=[1,1,2,2]", "model.encoder.window=4", "model.encoder.drop_path=0.2"),
    *("model.text.width=16", "model.text.layers=1", "model.text.trained_layers=1", "model.text.dropout=0.1"),
    *("recipe.size=32", "recipe.batch_size=4", "recipe.erase=0.5", "recipe.epochs=16"),
    *("launcher.threads=1", "launcher.cpus=1", "launcher.memory=2G", "launcher.checkpoint_seconds=0.5"),
    *("launcher.rehearse=false", "tracking.enabled=false"),
]

OF_THE_ATTEMPT = ("seconds", "stepping", "images")


def slurm(*words: str) -> str:
    """What a Slurm command prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def last_of_each(words: tuple[str, ...]) -> list[str]:
    """Arguments in which a test changes what `WORDS` say: commands refuse a key that is given twice."""
    return list({word.partition("=")[0]: word for word in words}.values())


def wait_for(condition: Callable[[], object], what: str, seconds: float = 900) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


@dataclass
class Cluster:
    """A folder to work in, and the commands a user types there."""

    folder: Path
    root: Path = REPO
    words = WORDS
    slurm = staticmethod(slurm)
    last_of_each = staticmethod(last_of_each)
    wait_for = staticmethod(wait_for)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-m", *self.last_of_each(words)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1800,
        )

    def submit(self, *words: str) -> Cell:
        """Submits the one cell of the default study."""
        done = self.command("bench.run", "launcher=slurm", *WORDS, *words)
        assert done.returncode == 0, done.stderr
        (cell,) = Store(self.folder / "runs").cells()
        return cell

    def status(self) -> str:
        return self.command("bench.status").stdout

    def in_the_middle(self, cell: Cell) -> None:
        """Returns when the cell has saved states and is still training."""
        wait_for(lambda: len(cell.history()) >= 3 and any(cell.checkpoints.glob("state-*")), "three epochs")
        assert not cell.done, "the cell trains too fast to be interrupted"

    def results(self, cell: Cell) -> dict[str, bytes]:
        """What must be the same to the byte however often a cell was interrupted."""
        found = {
            name: (cell.path / name).read_bytes() for name in ("metrics.json", "checkpoints/best.safetensors")
        }
        epochs = [
            {key: value for key, value in epoch.items() if key not in OF_THE_ATTEMPT}
            for epoch in cell.history()
        ]
        return found | {"history": repr(epochs).encode()}


@pytest.fixture(scope="session")
def _slurm() -> None:
    if not os.environ.get("SLURM_CONF"):
        pytest.skip("no Slurm: run `tests/slurm/start DIR` as root and export the SLURM_CONF it prints")
    slurm("sinfo", "--noheader")


@pytest.fixture(scope="session")
def _drawn(_slurm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture
def cluster(_drawn: Path, tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "data").symlink_to(_drawn)  # drawn once for all tests
    yield Cluster(tmp_path)
    subprocess.run(["scancel", "--name=fianet-bench"], timeout=60)
    subprocess.run(["scancel", "--name=urgent"], timeout=60)
    wait_for(lambda: not slurm("squeue", "--noheader"), "an empty queue")


def without_slurm(drawn: Path, folder: Path, *words: str) -> dict[str, bytes]:
    """The results of the cell when nothing interrupts it, trained by the local launcher."""
    (folder / "data").symlink_to(drawn)
    done = Cluster(folder).command("bench.run", "launcher=local", *WORDS, *words)
    assert done.returncode == 0, done.stderr
    (cell,) = Store(folder / "runs").cells()
    return Cluster(folder).results(cell)


@pytest.fixture(scope="session")
def whole(_drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return without_slurm(_drawn, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="session")
def whole_by_two(_drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of two processes that train the cell together."""
    return without_slurm(_drawn, tmp_path_factory.mktemp("two"), "launcher.processes=2")
