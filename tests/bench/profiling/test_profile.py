"""What models cost: published counts come out, latencies are measured honestly, and tables find them again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.config.compose import configuration, plain
from bench.config.identity import cell_id, identity
from bench.config.schema import Config
from bench.models.build import build
from bench.profile import Arguments, profile_study
from bench.profiling import latency
from bench.profiling.counts import (
    build_profiled,
    count,
    example,
    published_unused,
    unread_macs,
    vocabulary_size,
)
from bench.profiling.latency import measure, timed
from bench.profiling.parts import metered, parts
from bench.storage.model_costs import architecture, profile_folder, read_profiles
from bench.storage.store import Store
from bench.terminal.errors import UserError

PAPER = ["scale=paper", "data=rrsisd"]
ROOMS = ["text", "encoder", "fusion", "neck", "decoder"]


@pytest.fixture
def small(drawn: list[str]) -> Config:
    return configuration(drawn)


@pytest.mark.parametrize(
    ("model", "parameters", "macs"),
    [("lavt", 227.74e6, 198.8e9), ("rmsin", 240.04e6, 200.3e9), ("fianet", 256.17e6, 210.4e9)],
)
def test_printed_counts_come_out_at_paper_scale(model: str, parameters: float, macs: float) -> None:
    counts = count(configuration([*PAPER, f"model={model}"]))
    assert counts["published"]["parameters"] == pytest.approx(parameters, abs=0.005e6)
    assert counts["published"]["macs"] == pytest.approx(macs, rel=2e-3)
    assert counts["macs"] < counts["published"]["macs"], "the zeros that fill windows are not multiplied"
    assert sum(room["parameters"] for room in counts["rooms"].values()) == counts["parameters"]
    assert sum(room["macs"] for room in counts["rooms"].values()) == counts["macs"]


def test_only_published_fianet_holds_parameters_nobody_uses() -> None:
    assert published_unused(configuration([*PAPER, "model=fianet"]).model) == 1_392_640
    assert published_unused(configuration([*PAPER, "model=fianet", "model.fiam.object=false"]).model) == 0


@pytest.mark.parametrize(
    ("fusion", "unread"),
    [
        ("none", 0),
        ("pwam", 2 * 64**2),  # the gate: two matrices at every position of the last map
        ("fiam_direct", 2 * 64 * 8 / 9),  # squeeze and excitation, once for all nine positions
    ],
)
def test_what_the_last_fusion_computes_for_no_stage_is_told_apart(
    small: Config, fusion: str, unread: float
) -> None:
    small.model.fusion, small.recipe.size = fusion, 96  # type: ignore[assignment]
    with torch.device("meta"):
        assert unread_macs(build_profiled(small), example(small, 1)) == pytest.approx(9 * unread)


def test_counts_are_those_of_the_model_that_is_trained(small: Config) -> None:
    counts, model = count(small), build(small.model, vocabulary_size(small.model), small.recipe.size)
    weights = list(model.parameters())
    assert counts["parameters"] == sum(each.numel() for each in weights)
    assert counts["trained"] == sum(each.numel() for each in weights if each.requires_grad)
    assert list(counts["rooms"]) == ROOMS
    assert counts["flops"] == 2 * counts["macs"]


def test_frozen_layers_are_parameters_that_are_not_trained(small: Config) -> None:
    small.model.text.trained_layers = 0
    text = count(small)["rooms"]["text"]
    assert text["trained"] < text["parameters"]


def test_attention_is_counted() -> None:
    """A kernel that fuses attention hides it from the counter: shapes without data must not choose one."""
    query = torch.zeros(1, 1, 8, 4, device="meta")
    with FlopCounterMode(display=False) as counter:
        nn.functional.scaled_dot_product_attention(query, query, query)
    assert counter.get_total_flops() == 2 * 2 * 8 * 8 * 4


def test_blind_model_reads_no_text(small: Config) -> None:
    small.model.fusion, small.model.neck = "none", "none"  # type: ignore[assignment]
    counts = count(small)
    assert counts["rooms"]["text"] == {"parameters": 0, "trained": 0, "macs": 0}


def test_pretrained_encoder_of_other_sizes_is_counted_as_it_is(small: Config, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 32, "vocab_size": 50}))
    small.model.text.pretrained = str(tmp_path)
    counted = count(small)
    assert counted["vocabulary"] == 50
    small.model.text.width = 32
    assert count(small)["parameters"] == counted["parameters"]


def test_measuring_gives_ordered_quartiles_and_says_where(small: Config) -> None:
    measured = measure(small, [1, 2], seconds=0.01)
    assert list(measured["batches"]) == ["1", "2"]
    for size, batch in measured["batches"].items():
        times = batch["latency_ms"]
        assert 0 < times["q1"] <= times["median"] <= times["q3"]
        assert batch["passes"] >= latency.LEAST
        assert batch["images_per_second"] == pytest.approx(int(size) * 1000 / times["median"], rel=1e-3)
        assert list(batch["rooms"]) == ROOMS
    environment = measured["environment"]
    assert environment["threads"] == torch.get_num_threads()
    if not torch.cuda.is_available():
        assert environment["device_type"] == "cpu"
        assert measured["batches"]["1"]["peak_memory"] is None


@pytest.mark.gpu
def test_memory_is_measured_on_a_gpu(small: Config) -> None:
    batches = measure(small, [1, 8], seconds=0.1)["batches"]
    assert 0 < batches["1"]["peak_memory"] < batches["8"]["peak_memory"]


def test_clock_is_read_after_the_gpu_has_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: done.append("synchronised"))
    monkeypatch.setattr(latency.time, "perf_counter", lambda: done.append("read") or 0.0)
    latency._synchronised("cuda")
    assert done == ["synchronised", "read"]


def test_slow_passes_are_timed_a_few_times_and_fast_ones_until_time_is_up() -> None:
    now = 0.0

    def clock() -> float:
        return now

    def forward(takes: float) -> None:
        nonlocal now
        now += takes

    assert timed(lambda: forward(60), clock, seconds=1, most=100) == [60] * latency.LEAST
    assert len(timed(lambda: forward(0.5), clock, seconds=10, most=100)) == 20
    assert len(timed(lambda: forward(0.001), clock, seconds=10, most=100)) == 100


def test_hooks_leave_with_the_measurement(small: Config) -> None:
    model = build(small.model, 50, small.recipe.size)
    with metered(model, lambda: 0.0):
        assert all(each._forward_hooks for modules in parts(model).values() for each in modules)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def test_models_of_other_packages_have_no_rooms() -> None:
    with metered(nn.Linear(1, 1), lambda: 0.0) as grown:
        pass
    assert grown == {}


def test_cost_depends_on_the_architecture_alone(drawn: list[str]) -> None:
    known = architecture(configuration(drawn))
    same = ["recipe.epochs=9", "recipe.lr=0.1", "seeds=[7]", "data.synthetic.seed=4"]
    assert architecture(configuration([*drawn, *same])) == known
    for word in ("model.fusion=pwam", "recipe.size=64", "data.max_tokens=9", "model.text.layers=2"):
        name = word.partition("=")[0]
        rest = [each for each in drawn if not each.startswith(f"{name}=")]
        assert architecture(configuration([*rest, word])) != known


def test_hub_id_and_its_copy_on_disk_are_one_architecture() -> None:
    hub, copy = "bert-base-uncased", "/anywhere/bert-base-uncased"
    first, second = (
        architecture(configuration([*PAPER, f"model.text.pretrained={source}"])) for source in (hub, copy)
    )
    assert first == second


def test_tables_find_the_cost_of_cells_that_were_never_trained(
    small: Config, drawn: list[str], study: str, tmp_path: Path
) -> None:
    store = Store(tmp_path / "runs")
    known = identity(small, 0, "data", str)
    cell = store.plan(cell_id(known), known, plain(small))
    assert read_profiles(store, cell) == {}
    words = [study, *drawn, f"store={store.root}"]
    profiled = profile_study(words, Arguments(batch_sizes=[1], seconds=0.01))
    assert [each.label for each in profiled] == ["Blind & deaf", "FIAM"]
    profile_study(words, Arguments(batch_sizes=[2], seconds=0.01))
    found = read_profiles(store, cell)
    assert found["counts"] == profiled[1].counts
    (machine,) = found["machines"].values()
    assert list(machine["batches"]) == ["1", "2"]
    assert profile_folder(store, small) == profiled[1].folder
    assert not (cell.path / "metrics.json").exists()
    assert identity(small, 0, "data", str) == known


def test_broken_profile_is_as_good_as_none(small: Config, tmp_path: Path) -> None:
    store = Store(tmp_path)
    known = identity(small, 0, "data", str)
    cell = store.plan(cell_id(known), known, plain(small))
    folder = profile_folder(store, small)
    folder.mkdir(parents=True)
    (folder / "counts.json").write_text("{")
    assert read_profiles(store, cell) == {}


def test_rows_of_given_weights_are_refused(drawn: list[str]) -> None:
    with pytest.raises(UserError, match=r"weights=model\.pth"):
        profile_study([*drawn, "weights=model.pth"], Arguments(latency=False))


def test_json_is_all_of_standard_output_and_readers_import_no_torch(command, environment, drawn) -> None:
    done = command("bench.profile", *drawn, "model=lavt", "latency=false", "--json")
    assert done.returncode == 0, done.stderr
    (only,) = json.loads(done.stdout)
    assert only["measured"] is None
    assert only["counts"]["parameters"] > 0
    code = "import bench.storage.model_costs, bench.profile, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_table_names_what_was_counted(drawn, tmp_path, capsys, monkeypatch) -> None:
    from bench.profile import main

    words = [*drawn, f"store={tmp_path}", "latency=false"]
    monkeypatch.setattr(sys, "argv", ["profile", *words])
    assert main() == 0
    said = capsys.readouterr().out
    for word in ("GMACs", "multiply-accumulates", "go_embedding", "Left out", "neck"):
        assert word in said
    assert "Latency" not in said


def test_tables_fit_whatever_was_measured(drawn, tmp_path, capsys, monkeypatch) -> None:
    from bench.profile import main

    words = [*drawn, f"store={tmp_path}", "model=rmsin", "batch_sizes=[1,2,3]", "seconds=0.01"]
    monkeypatch.setattr(sys, "argv", ["profile", *words])
    assert main() == 0
    said = capsys.readouterr().out
    assert "…" not in said
    times = said[said.index("Time and memory") : said.index("Part by part")]
    assert [line.split()[:3] for line in times.splitlines()[2:]] == [
        ["rmsin", "synthetic", size] for size in "123"
    ]


@pytest.mark.parametrize("word", ["batch_sizes=[]", "batch_sizes=[0]", "batch_sise=[1]", "model=fianett"])
def test_wrong_request_is_a_user_error(word: str, monkeypatch, capsys) -> None:
    from bench.profile import main

    monkeypatch.setattr(sys, "argv", ["profile", word])
    assert main() == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
