import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.storage import files
from bench.training import checkpoint


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


def test_bests_stay_as_long_as_a_kept_state_may_name_them(tmp_path: Path) -> None:
    for epoch in (0, 1, 2):
        checkpoint.save_best(tmp_path, {"w": torch.full((2,), float(epoch))}, epoch)
        checkpoint.drop_old_bests(tmp_path, epoch)
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
    checkpoint.drop_old_bests(tmp_path, 0)
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
