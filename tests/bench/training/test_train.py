"""Training and scoring in this process: diverging, batching, sizes."""

import errno
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from bench.config.choices import DiceReduction, EncoderKind, EvalSize, Fusion, LossName, Neck
from bench.config.compose import configuration
from bench.config.request import Request
from bench.config.schema import Config
from bench.data.dataset import ReferringDataset, loader
from bench.data.usable import usable_references
from bench.launch.estimate import dry_run
from bench.models.build import build
from bench.models.reference_keys import reference_key
from bench.storage import files, metrics
from bench.storage.cell import Cell
from bench.storage.files import NO_SPACE
from bench.storage.speeds import Speeds
from bench.storage.store import Store
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from bench.training import interrupt, result
from bench.training.cell import run_cell
from bench.training.evaluate import evaluate, scores
from bench.training.train import (
    Progress,
    Report,
    _gradients,
    batches_per_epoch,
    epoch_order,
    learning_rate,
    make_optimizer,
)
from fianet.tokens import Tokenizer

# so that the heads of LGCE's neck divide its channels
WIDE = ["model.encoder.embed_dim=16", "model.encoder.heads=[1,1,2,2]"]


def planned(words: list[str], folder: Path) -> Plan:
    prepared = prepare(Request.parse([*words, f"store={folder / 'runs'}", "tracking.enabled=false"]))
    prepared.write("test")
    return prepared


def test_loss_that_is_no_number_stops_the_cell_and_says_where(drawn: list[str], tmp_path: Path) -> None:
    (cell,) = planned([*drawn, "recipe.lr=1000"], tmp_path).stored()
    assert run_cell(cell)
    state = cell.state()
    assert state["state"] == "failed"
    assert state["cause"].startswith("Diverged: the loss is nan at step ")
    assert "(epoch 0)" in state["cause"]
    assert "learning rate" in state["cause"]
    assert not cell.done


def test_failed_cell_is_trained_again_and_recovers(drawn: list[str], tmp_path: Path) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=1"], tmp_path).stored()
    (cell.path / "checkpoints").write_text("in the way")
    run_cell(cell)
    assert cell.state()["state"] == "failed"
    (cell.path / "checkpoints").unlink()
    run_cell(cell)
    assert cell.state() | {"state": "done", "error": None, "attempt": 2} == cell.state()


def test_cell_whose_best_weights_were_deleted_is_trained_again_to_the_same_numbers(
    drawn: list[str], tmp_path: Path
) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=2"], tmp_path).stored()
    run_cell(cell)
    before = cell.metrics()
    assert before is not None
    for name in ("metrics.json", "checkpoints/best.safetensors"):
        (cell.path / name).unlink()
    run_cell(cell)
    assert cell.metrics() == before, cell.state()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_disk_is_the_cause_of_a_failed_cell_in_one_line(
    drawn: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=1"], tmp_path).stored()
    cell.checkpoints.mkdir()
    (cell.checkpoints / f".state.{os.getpid()}.tmp").symlink_to("/dev/full")
    assert run_cell(cell)
    assert (cell.state()["state"], cell.state()["cause"]) == ("failed", NO_SPACE)
    assert "Traceback" not in capsys.readouterr().err
    assert not cell.state()["error"]
    run_cell(cell)
    assert cell.done


def test_disk_too_full_for_the_state_itself_ends_no_launcher(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=1"], tmp_path).stored()
    write_bytes, full = files.write_bytes, iter([False])

    def write(path: Path, content: bytes) -> None:
        if path.name == "state.json" and next(full, True):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write_bytes(path, content)

    monkeypatch.setattr(files, "write_bytes", write)
    monkeypatch.setattr("bench.training.result.make_result", lambda *given: None)
    assert run_cell(cell)
    assert f"state.json: {NO_SPACE}" in capsys.readouterr().err


@pytest.fixture(scope="module")
def config(drawn: list[str]) -> Config:
    return configuration(drawn)


@pytest.fixture(scope="module")
def dataset(config: Config) -> ReferringDataset:
    references = usable_references(config.data)[0]
    every = [reference for split in references.values() for reference in split]
    return ReferringDataset(every, Tokenizer.load(None), config.recipe.size, config.data.max_tokens)


@pytest.fixture(scope="module")
def model(config: Config) -> nn.Module:
    torch.manual_seed(3)
    return build(config.model, Tokenizer.load(None).vocab_size, config.recipe.size)


def samples(
    model: nn.Module, dataset: ReferringDataset, batch_size: int, size: EvalSize = EvalSize.resized
) -> pd.DataFrame:
    return evaluate(model, dataset, Accelerator(cpu=True), size=size, batch_size=batch_size, workers=0)


def test_batched_evaluation_agrees_with_one_at_a_time(model: nn.Module, dataset: ReferringDataset) -> None:
    one, many = samples(model, dataset, 1), samples(model, dataset, 7)
    assert len(one) == len(dataset) > 7
    assert one["ref_id"].equals(many["ref_id"])
    assert one["intersection"].sum() > 0
    assert np.abs(one["iou"] - many["iou"]).max() <= 1e-3
    assert abs(scores(one)["oIoU"] - scores(many)["oIoU"]) <= 1e-3  # percent


def test_masks_are_compared_at_their_own_size_when_asked(
    model: nn.Module, dataset: ReferringDataset, config: Config
) -> None:
    resized, native = samples(model, dataset, 8), samples(model, dataset, 8, EvalSize.native)
    assert set(resized["height"]) == {config.recipe.size}
    assert set(native["height"]) == {config.data.synthetic.size}
    assert native["mask_area"].tolist() == [int(r.mask.read().sum()) for r in dataset.references]


def test_samples_give_the_scores_and_stored_masks_give_the_samples(
    model: nn.Module, dataset: ReferringDataset
) -> None:
    from pycocotools import mask as rle

    frame = samples(model, dataset, 8)
    assert scores(frame) == metrics.score(frame["intersection"].tolist(), frame["union"].tolist())
    for index, row in enumerate(frame.itertuples()):
        stored = {"size": [row.height, row.width], "counts": row.prediction.encode()}
        predicted = rle.decode(stored).astype(bool)
        truth = dataset[index]["target"].numpy().astype(bool)
        assert (predicted & truth).sum() == row.intersection
        assert (predicted | truth).sum() == row.union


def test_schedule_falls_from_the_rate_to_almost_nothing(config: Config) -> None:
    rates = [learning_rate(config.recipe, step, 100) for step in range(100)]
    assert rates[0] == config.recipe.lr
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.02 * config.recipe.lr


def test_epochs_visit_whole_batches_of_different_shuffles() -> None:
    first, second = (epoch_order(26, 4, 0, epoch) for epoch in (0, 1))
    assert len(set(first)) == 24 == 4 * batches_per_epoch(26, 4)
    assert first != second
    assert first != epoch_order(26, 4, 1, 0)
    assert epoch_order(3, 4, 0, 0)
    assert batches_per_epoch(3, 4) == 1


@pytest.mark.parametrize("name", ["fianet", "lavt", "lgce", "rmsin"])
def test_what_is_not_decayed_is_what_the_released_code_exempts(name: str, drawn: list[str]) -> None:
    config = configuration([*drawn, f"model={name}", *WIDE])
    built = build(config.model, Tokenizer.load(None).vocab_size, config.recipe.size)
    decayed, plain = make_optimizer(built, config.recipe, config.model.neck).param_groups
    assert plain["weight_decay"] == 0.0 < decayed["weight_decay"]
    exempt, expected = {id(parameter) for parameter in plain["params"]}, set()
    for ours, parameter in built.named_parameters():
        released = reference_key(ours, config.model)
        if released.startswith("backbone.") and ("norm" in released or "relative_position" in released):
            expected.add(id(parameter))
    assert exempt == expected
    assert len(exempt) > 20


@pytest.mark.parametrize("fusion", [Fusion.none, Fusion.iim, Fusion.fiam_direct])
def test_neck_of_lgce_is_decayed_in_every_mixture_and_no_other_neck(fusion: Fusion, config: Config) -> None:
    sizes = replace(config.model.encoder, embed_dim=16, heads=[1, 1, 2, 2])
    for neck in Neck:
        mixture = replace(config.model, fusion=fusion, neck=neck, encoder=sizes)
        built = build(mixture, Tokenizer.load(None).vocab_size, config.recipe.size)
        names = {id(parameter): name for name, parameter in built.named_parameters()}
        plain = make_optimizer(built, config.recipe, neck).param_groups[1]["params"]
        exempt = {name for each in plain if (name := names[id(each)]).startswith("neck.")}
        normed = {name for name in names.values() if name.startswith("neck.") and "norm" in name}
        assert exempt == (set() if neck == Neck.lgce else normed)


def test_norms_of_a_backbone_are_not_decayed_whatever_they_are_called(config: Config) -> None:
    sizes = replace(config.model.encoder, kind=EncoderKind.timm, name="test_resnet")
    built = build(replace(config.model, encoder=sizes), Tokenizer.load(None).vocab_size, config.recipe.size)
    plain = make_optimizer(built, config.recipe, config.model.neck).param_groups[1]["params"]
    exempt = {id(parameter) for parameter in plain}
    names = {name for name, each in built.encoder.named_parameters() if id(each) in exempt}
    assert {"stages.0.parts.bn1.weight", "stages.1.parts.layer2.0.bn1.bias", "norms.0.weight"} <= names
    assert all(each.ndim == 1 for name, each in built.encoder.named_parameters() if name in names)
    assert not any("conv" in name for name in names)


def test_history_tells_every_epoch(drawn: list[str], tmp_path: Path) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=2"], tmp_path).stored()
    run_cell(cell)
    lines = [json.loads(line) for line in (cell.path / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1]
    assert set(lines[0]["val"]) == set(metrics.NAMES)
    assert lines[0]["lr"] > lines[1]["lr"] > 0
    best = max(lines, key=lambda line: line["val"]["mIoU"])
    assert (cell.metrics() or {})["best_epoch"] == best["epoch"]


def test_exported_weights_are_scored_without_training_as_they_were(drawn: list[str], tmp_path: Path) -> None:
    from bench.models.bundle import save_bundle
    from bench.models.export import from_cell

    prepared = planned([*drawn, "recipe.epochs=1"], tmp_path)
    (trained,) = prepared.stored()
    run_cell(trained)
    save_bundle(from_cell(prepared.store, trained.id), tmp_path / "exported")
    (given,) = planned([*drawn, f"weights={tmp_path / 'exported'}"], tmp_path).stored()
    run_cell(given)
    before, after = trained.metrics(), given.metrics()
    assert before is not None
    assert after is not None, given.state()["error"]
    assert after["scores"] == before["scores"]
    known = Speeds(prepared.store).of(prepared.config)
    assert known.images_per_second > 0, "cells that were not trained say nothing of speed"
    assert "0 done, 1 to run" not in dry_run(planned([*drawn, f"weights={tmp_path / 'exported'}"], tmp_path))
    assert after["epochs"] == 0
    assert not given.history()


def test_weights_that_do_not_exist_are_refused_before_anything_starts(
    drawn: list[str], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="nowhere"):
        planned([*drawn, "weights=nowhere"], tmp_path)


@pytest.mark.parametrize("name", ["ce", "ce_dice"])
@pytest.mark.parametrize("dice", ["sum", "mean"])
def test_gradients_of_parts_are_those_of_the_batch(
    name: str, dice: str, config: Config, dataset: ReferringDataset
) -> None:
    recipe = replace(config.recipe, loss=LossName(name), dice=DiceReduction(dice), batch_size=6)
    sizes = replace(config.model, encoder=replace(config.model.encoder, drop_path=0.0))
    sizes = replace(sizes, text=replace(config.model.text, dropout=0.0))
    model = build(sizes, Tokenizer.load(None).vocab_size, recipe.size).eval()  # batch norm frozen
    accelerator = Accelerator()
    (batch, *_) = loader(dataset, 6, range(6), 0)
    found = []
    for parts in (1, 3):
        model.zero_grad()
        losses = _gradients(
            model, batch, replace(recipe, accumulate=parts), accelerator, frozenset({0, 3}), seed=0, epoch=0
        )
        found.append((float(sum(losses)), [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    (whole, expected), (summed, added) = found
    assert summed == pytest.approx(whole, rel=1e-5)
    assert len(expected) == len(added) > 20
    for one, other in zip(expected, added, strict=True):
        torch.testing.assert_close(other, one, rtol=2e-4, atol=1e-6)


def test_accumulation_is_identity_only_where_it_is_used(drawn: list[str], tmp_path: Path) -> None:
    for parts, known in ((1, None), (2, 2)):
        (cell,) = prepare(Request.parse([*drawn, f"recipe.accumulate={parts}"])).cells
        assert cell.identity["recipe"].get("accumulate") == known
    with pytest.raises(UserError, match="accumulate=3"):
        configuration([*drawn, "recipe.accumulate=3"])


def test_speed_is_that_of_all_attempts_of_a_cell(drawn: list[str], tmp_path: Path) -> None:
    prepared = planned([*drawn, "recipe.epochs=2"], tmp_path)
    (cell,) = prepared.stored()
    cell.write_history([{"epoch": epoch, "seconds": 50} for epoch in (0, 1)])
    cell.update_state(state="done", seconds=1)  # the last attempt had nothing left to do but to score
    cell.write("metrics", {"scores": {"test": {"mIoU": 1.0}}, "epochs": 2, "counts": {"train": 100}})
    assert Speeds(prepared.store).of(prepared.config).images_per_second == pytest.approx(2)
    # killed after 90 of 100 images of the second epoch: its seconds are those of the rest
    cell.write_history([{"epoch": 0, "seconds": 50}, {"epoch": 1, "seconds": 10, "images": 10}])
    assert Speeds(prepared.store).of(prepared.config).images_per_second == pytest.approx(110 / 60)


def test_history_counts_the_images_of_this_attempt_alone(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=2"], tmp_path).stored()
    report, steps = result.reporter, list[int]()

    def leaving(cell: Cell, images: int) -> Report:
        told = report(cell, images)

        def at(progress: Progress, batches: int) -> None:
            told(progress, batches)
            steps.append(batches)
            if len(steps) == batches + 2:
                interrupt._received.append(signal.SIGTERM)

        return at

    monkeypatch.setattr(interrupt, "_received", [])
    monkeypatch.setattr(result, "reporter", leaving)
    run_cell(cell)
    assert cell.state()["state"] == "lost"
    interrupt._received.clear()
    run_cell(cell)
    (batches,) = set(steps)
    assert len(steps) == 2 * batches
    assert [epoch["images"] for epoch in cell.history()] == [4 * batches, 4 * (batches - 2)]


def test_speed_shown_is_that_of_steps_and_not_of_getting_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, clock = Store(tmp_path).cell("0123456789ab"), [50.0]
    cell.update_state(state="running", attempt=2)
    monkeypatch.setattr("bench.training.result.time.monotonic", lambda: clock[0])
    report = result.reporter(cell, 4)
    clock[0] += 100  # the state of the attempt before is read, in the middle of an epoch
    for batch in (7, 8, 9):
        report(Progress(batch=batch), 20)
        clock[0] += 2
    assert cell.progress()["images_per_second"] == 2
