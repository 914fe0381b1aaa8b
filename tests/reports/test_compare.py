import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage.store import Store
from reports import compare

StudyMaker = Callable[..., Store]


def run(monkeypatch: pytest.MonkeyPatch, main: Callable[[], int], *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["reports", *words])
    return main()


def copied(store: Store, to: Path) -> Store:
    shutil.copytree(store.root, to)
    return Store(to)


def test_the_same_numbers_are_the_same(
    make_study: StudyMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = make_study(seeds=(0,))
    other = copied(one, tmp_path / "other")
    assert run(monkeypatch, compare.main, str(one.root), str(other.root)) == 0
    assert "8 compared: 8 the same, 0 differ" in capsys.readouterr().out


def test_changed_number_is_found_with_its_interval(
    make_study: StudyMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = make_study(seeds=(0,))
    other = copied(one, tmp_path / "other")
    cell = other.cell(one.study("fiam")["rows"][0]["cells"][0]["id"])
    metrics, samples = cell.metrics(), cell.samples()
    assert metrics is not None
    assert samples is not None
    metrics["scores"]["test"]["mIoU"] += 2
    cell.write("metrics", metrics)
    cell.write_samples(samples.assign(intersection=samples["intersection"] + 1))
    words = (f"{one.root}:fiam", f"{other.root}:fiam", "--json")
    assert run(monkeypatch, compare.main, *words) == 1
    found = json.loads(capsys.readouterr().out)
    (changed,) = [each for each in found if each["largest"] > 0.005]
    assert (changed["row"], changed["split"], changed["same_cells"]) == ("blind", "test", True)
    assert changed["after"] - changed["before"] == pytest.approx(2)
    assert 0 < changed["low"] < changed["high"]


def test_missing_cells_are_said(
    make_study: StudyMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = make_study(seeds=(0,))
    other = copied(one, tmp_path / "other")
    shutil.rmtree(other.cell(one.study("fiam")["rows"][0]["cells"][0]["id"]).path)
    assert run(monkeypatch, compare.main, str(one.root), str(other.root)) == 1
    assert "2 on one side only" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{one}"], "two are compared"),
        (["{one}", "{one}:fiam"], "one is a store, the other a study"),
        (["{one}:fiam", "{one}:fia"], "did you mean fiam"),
    ],
)
def test_mistakes_are_two_lines(
    make_study: StudyMaker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    one = make_study(seeds=(0,)).root
    assert run(monkeypatch, compare.main, *(word.format(one=one) for word in words)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 2
