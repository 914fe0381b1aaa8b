import errno
import hashlib
import os
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn

from bench.storage import files
from bench.storage.store import Store
from bench.training import checkpoint
from bench.training.train import Progress, State


def state(value: float) -> dict:
    return {"model": {"w": torch.full((50,), value)}, "progress": {"epoch": 1, "history": [{"loss": value}]}}


def newest(folder: Path) -> Path:
    return max(folder.glob("state-*.pt"))


def test_newest_state_comes_back_and_older_ones_go(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, state(step), step)
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found["model"]["w"][0] == 30
    assert found["progress"] == {"epoch": 1, "history": [{"loss": 30}]}
    assert len(list(tmp_path.iterdir())) == checkpoint.KEPT


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_state_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    checkpoint.save(tmp_path, state(1), 10)
    checkpoint.save(tmp_path, state(2), 20)
    content = bytearray(newest(tmp_path).read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    newest(tmp_path).write_bytes({"truncate": content[:-100], "flip": content, "empty": b""}[damage])
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found["model"]["w"][0] == 1


def test_no_usable_state_is_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None
    checkpoint.save(tmp_path, state(1), 10)
    newest(tmp_path).write_bytes(b"")
    assert checkpoint.load(tmp_path) is None


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path: Path) -> None:
    (tmp_path / ".state.123.tmp").write_bytes(b"half")
    checkpoint.save(tmp_path, state(1), 10)
    assert [path.suffix for path in tmp_path.iterdir()] == [".pt"]


def test_bests_stay_as_long_as_a_kept_state_names_them(tmp_path: Path) -> None:
    for epoch in (0, 1, 2, 3):
        checkpoint.save_best(tmp_path, {"w": torch.full((2,), float(epoch))}, epoch)
    checkpoint.drop_old_bests(tmp_path, [1, 2])
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "best-0001.safetensors",
        "best-0002.safetensors",
    ]
    checkpoint.keep_only_best(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]
    assert load_file(tmp_path / "best.safetensors")["w"][0] == 1


def with_best(epoch: int) -> dict:
    return {
        "model": {"w": torch.full((50,), float(epoch))},
        "progress": {"epoch": epoch, "best_epoch": epoch},
    }


def best(folder: Path, epoch: int) -> None:
    checkpoint.save_best(folder, {"w": torch.full((2,), float(epoch))}, epoch)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut"])
def test_state_whose_best_weights_are_gone_falls_back_to_the_one_before(tmp_path: Path, damage: str) -> None:
    for epoch in (1, 2):
        best(tmp_path, epoch)
        checkpoint.save(tmp_path, with_best(epoch), 10 * epoch)
    path, said = tmp_path / "best-0002.safetensors", []
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-4] if damage == "cut" else b"")
    found = checkpoint.load(tmp_path, said.append)
    assert found is not None
    assert found["progress"]["epoch"] == 1
    assert said == [f"{path} is gone or damaged: training goes back to step 10"]


def test_without_any_best_weights_training_starts_over_and_keeps_what_it_saves_then(tmp_path: Path) -> None:
    for epoch in (1, 2):
        checkpoint.save(tmp_path, with_best(epoch), 10 * epoch)
    said: list[str] = []
    assert checkpoint.load(tmp_path, said.append) is None
    assert len(said) == 1
    assert said[0].endswith("training starts over")
    best(tmp_path, 7)
    best(tmp_path, 0)
    checkpoint.save(tmp_path, with_best(0), 5)
    checkpoint.drop_old_bests(tmp_path, [0])
    assert sorted(path.name[:10] for path in tmp_path.iterdir()) == ["best-0000.", "state-0000"]
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found["progress"]["epoch"] == 0


def test_weights_of_a_finished_training_are_those_its_state_names(tmp_path: Path) -> None:
    best(tmp_path, 2)
    checkpoint.save(tmp_path, with_best(2), 20)
    checkpoint.keep_only_best(tmp_path, 2)
    assert checkpoint.load(tmp_path) is not None


def full_disk(folder: Path, kind: str) -> None:
    """Sends what is written next to a device that is always full."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f".{kind}.{os.getpid()}.tmp").symlink_to("/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_full_disk_is_called_so_and_leaves_the_state_before(tmp_path: Path, size: int) -> None:
    checkpoint.save(tmp_path, state(1), 10)
    full_disk(tmp_path, "state")
    with pytest.raises(
        OSError, match=r"no space left on device: free some with `python -m bench\.gc`"
    ) as said:
        checkpoint.save(tmp_path, {"a": torch.zeros(size), "b": torch.zeros(size)}, 20)
    assert said.value.errno == errno.ENOSPC
    assert len(list(tmp_path.iterdir())) == 1
    assert checkpoint.load(tmp_path) is not None


def test_torch_that_loses_the_number_of_the_error_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(state: object, file: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        finally:
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(OSError, match="no space left on device"):
        checkpoint.save(tmp_path, state(1), 10)

    def rust(*given: object) -> None:
        raise ValueError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", rust)
    with pytest.raises(OSError, match="no space left on device"):
        checkpoint.save_best(tmp_path, {}, 0)
    assert not list(tmp_path.iterdir())
    assert not files.no_space(RuntimeError("[enforce fail at inline_container.cc:672]"))


def test_state_is_hashed_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "_digest", again)
        checkpoint.save(tmp_path, state(1) | {"more": [torch.randn(1000, 1000), torch.arange(7)]}, 10)
    written = newest(tmp_path)
    assert hashlib.sha256(written.read_bytes()).hexdigest().startswith(written.stem.rpartition("-")[2])


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("bench.training.checkpoint.time.monotonic", lambda: self.now)


@pytest.mark.parametrize(("cost", "between"), [(0.1, 60), (12.0, 600)])
def test_saving_takes_a_fiftieth_of_the_time_at_most(
    cost: float, between: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    pace, saves = checkpoint.Pace(0), list[float]()
    for _ in range(20_000):
        clock.now += 1
        if pace.due():
            clock.now += cost
            pace.spent(cost)
            saves.append(clock.now)
    assert saves[0] == pytest.approx(1061 + cost)
    gaps = [later - sooner for sooner, later in pairwise(saves)]
    assert gaps == pytest.approx([between + 1 + cost] * len(gaps))
    assert cost * len(saves) <= 0.021 * (clock.now - 1000)


def test_a_best_is_saved_at_once_where_that_is_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = checkpoint.Pace(0)
    assert pace.cheap()
    pace.spent(2)
    clock.now += 99
    assert not pace.cheap()
    clock.now += 1
    assert pace.cheap()


def test_given_seconds_decide_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    pace = checkpoint.Pace(5)
    pace.spent(100)
    clock.now += 5
    assert not pace.due()
    clock.now += 0.1
    assert pace.due()
    assert pace.cheap()


def test_every_kept_state_finds_the_best_it_names(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    cell, optimizer = Store(tmp_path).cell("0123456789ab"), torch.optim.AdamW(model.parameters())

    def bests() -> list[tuple[int, bool]]:
        named = [
            torch.load(path, weights_only=True)["progress"]["best_epoch"]
            for path in sorted(cell.checkpoints.glob("state-*.pt"))
        ]
        return [(best, (cell.checkpoints / f"best-{best:04d}.safetensors").exists()) for best in named]

    kept = State(cell, model, optimizer, Accelerator(cpu=True))
    for epoch in (0, 1, 2, 3, 4):
        kept.save_best(epoch)
        if epoch in (0, 3):  # no state was due after the others
            kept.save(Progress(epoch=epoch + 1, best_epoch=epoch), epoch + 1)
    assert bests() == [(0, True), (3, True)]
    again = State(cell, model, optimizer, Accelerator(cpu=True))
    assert again.resume(seed=0) == Progress(epoch=4, best_epoch=3)
    again.save_best(5)
    again.save(Progress(epoch=6, best_epoch=5), 6)
    assert bests() == [(3, True), (5, True)]
    assert len(list(cell.checkpoints.glob("best-*"))) == 2
