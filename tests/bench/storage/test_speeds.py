"""What an estimate of speed rests on: measured cells, a rehearsal, other cells, and last what is assumed."""

import json
from pathlib import Path

import pytest

from bench.config.compose import configuration, plain
from bench.config.identity import cell_id, identity
from bench.config.schema import Config
from bench.storage.rehearsals import Rehearsal, read_rehearsal, write_rehearsal
from bench.storage.speeds import Speeds
from bench.storage.store import Store

SAMPLES = {"train": 90, "val": 30, "test": 60}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return Store(tmp_path)


def trained(
    store: Store, seconds: float, *words: str, device: str = "cpu", processes: int = 1, seed: int = 0
) -> None:
    """A finished cell whose two epochs of 90 images, and 30 to choose by, took so long each."""
    config = configuration(list(words))
    known = identity(config, seed, "data", str)
    cell = store.plan(cell_id(known), known, plain(config))
    cell.write_history([{"epoch": epoch, "seconds": seconds} for epoch in (0, 1)])
    cell.write("env", {"device_type": device, "processes": processes})
    cell.write("metrics", {"scores": {"test": {"mIoU": 1.0}}, "epochs": 2, "counts": SAMPLES})


def rate(store: Store, *words: str) -> tuple[float, str]:
    known = Speeds(store).of(configuration(list(words)))
    return pytest.approx(known.images_per_second), known.source


def test_sources_are_asked_in_order(store: Store) -> None:
    assert rate(store) == (70, "assumed 70 images/s at 96 px on a CPU, nothing was measured")
    trained(store, 5, "model=lavt")
    trained(store, 10, "model=lavt", seed=1)
    assert rate(store) == (15, "median of 2 cells of this scale done here")
    write_rehearsal(store, configuration([]), Rehearsal(2.0, 16, 10**9, "cpu"))
    assert rate(store) == (8, "rehearsed on cpu")
    trained(store, 20)
    assert rate(store) == (5, "1 cell of this model done here")


def test_image_size_counts_by_area(store: Store) -> None:
    assert rate(store, "recipe.size=192")[0] == 70 / 4
    trained(store, 10)
    assert rate(store, "recipe.size=192") == (2.5, "1 cell of this scale done here, made at 96 px")


def test_cells_trained_on_a_cpu_tell_nothing_of_gpus(store: Store) -> None:
    trained(store, 10)
    assert rate(store, "launcher=slurm_gpu")[0] == 400
    trained(store, 0.1, device="cuda", seed=1)
    assert rate(store, "launcher=slurm_gpu")[0] == 1000
    assert rate(store)[0] == 10


def test_processes_that_train_together_add_up(store: Store) -> None:
    assert rate(store, "launcher.processes=2")[0] == 140
    trained(store, 5, processes=2)
    assert rate(store)[0] == 10
    assert rate(store, "launcher.processes=4")[0] == 40


def test_evaluation_counts_at_inference_speed(store: Store) -> None:
    trained(store, 10)
    seconds = Speeds(store).seconds(configuration(["recipe.epochs=4"]), SAMPLES)
    assert seconds == pytest.approx(4 * 10 + (30 + 2 * 60) / 3 / 10), "val and two test splits at the end"
    config = configuration([])
    config.weights = "somewhere"
    assert Speeds(store).seconds(config, SAMPLES) == pytest.approx((30 + 2 * 60) / 3 / 70 * 7), "scored only"


def test_rehearsal_belongs_to_a_model_a_size_and_a_kind_of_device(store: Store) -> None:
    def found(*words: str) -> Rehearsal | None:
        return read_rehearsal(store, configuration(list(words)))

    rehearsal = Rehearsal(0.5, 16, 10**9, "NVIDIA A100")
    write_rehearsal(store, configuration(["launcher=slurm_gpu"]), rehearsal)
    assert found("launcher=slurm_gpu", "recipe.lr=1") == rehearsal
    for others in ([], ["model=lavt"], ["recipe.size=192"], ["recipe.batch_size=8"]):
        assert found(*others, *(["launcher=slurm_gpu"] if others else [])) is None
    (path,) = (store.root / "rehearsals").iterdir()
    path.write_text('{"seconds": 1}')
    assert found("launcher=slurm_gpu") is None, "another version wrote it"


def test_stored_cells_of_before_are_still_read() -> None:
    from bench.config.compose import restore

    assert isinstance(restore(plain(configuration([])) | {"images_per_second": 70}), Config)


def test_a_cell_from_before_a_key_counts_as_one_that_leaves_it_alone(store: Store) -> None:
    trained(store, 5)
    (cell,) = store.cells()
    path = cell.path / "cell.json"
    known = json.loads(path.read_text())
    del known["config"]["model"]["text"]["phrases"], known["config"]["model"]["fiam"]["norm"]
    path.write_text(json.dumps(known))
    assert rate(store)[1] == "1 cell of this model done here"
