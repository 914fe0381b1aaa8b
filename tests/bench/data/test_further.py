"""Sets that are scored beside the one trained on, from the plan to the stored scores."""

import shutil
from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.request import Request
from bench.data.further import with_own_names
from bench.models.export import from_cell
from bench.storage.speeds import Speeds
from bench.storage.store import Store
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from bench.training.cell import run_cell
from tests.bench.data.conftest import RefsegrsSet, RrsisdSet

CELL = ["recipe.epochs=1", "tracking.enabled=false"]


def entry(each: RrsisdSet, name: str = "ports") -> str:
    return f"protocol.also=[{{data: rrsisd, root: {each.root}, name: {name}}}]"


def planned(words: list[str], tmp_path: Path) -> Plan:
    return prepare(Request.parse([*words, *CELL, f"store={tmp_path / 'runs'}"]))


@pytest.fixture
def further(rrsisd: RrsisdSet) -> RrsisdSet:
    """A set with a test split alone."""
    for reference in rrsisd.refs:
        reference["split"] = "test"
    rrsisd.write()
    return rrsisd


def test_only_the_test_split_is_needed_and_counted(
    further: RrsisdSet, drawn: list[str], tmp_path: Path
) -> None:
    alone, plan = planned(drawn, tmp_path), planned([*drawn, entry(further)], tmp_path)
    (one,), (other,) = alone.cells, plan.cells
    assert plan.samples[other.id] == alone.samples[one.id] | {"ports/test": 6}
    assert other.identity == one.identity | {"also": other.identity["also"]}
    assert list(other.identity["also"]) == ["ports"]
    speeds = Speeds(plan.store)
    longer = speeds.seconds(other.config, plan.samples[other.id])
    assert longer > speeds.seconds(one.config, alone.samples[one.id])


def test_ids_follow_content_and_name(further: RrsisdSet, drawn: list[str], tmp_path: Path) -> None:
    ids = [planned([*drawn, entry(further)], tmp_path).cells[0].id for _ in range(2)]
    ids.append(planned([*drawn, entry(further, "farms")], tmp_path).cells[0].id)
    further.say(0, "Another ship")
    further.write()
    ids.append(planned([*drawn, entry(further)], tmp_path).cells[0].id)
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_set_that_is_missing_or_has_no_test_split_fails_in_planning(
    rrsisd: RrsisdSet, drawn: list[str], tmp_path: Path
) -> None:
    for reference in rrsisd.refs:
        reference["split"] = "train"
    rrsisd.write()
    with pytest.raises(UserError, match=r"protocol\.also, ports: .* no reference can be used in split test"):
        planned([*drawn, entry(rrsisd)], tmp_path)
    shutil.rmtree(rrsisd.root)
    with pytest.raises(UserError, match=r"protocol\.also, ports: .* there is no such folder"):
        planned([*drawn, entry(rrsisd)], tmp_path)


def test_a_set_is_not_scored_twice_on_itself(rrsisd: RrsisdSet, refsegrs: RefsegrsSet) -> None:
    both = f"protocol.also=[{{data: rrsisd, root: {rrsisd.root}}}, {{data: refsegrs, root: {refsegrs.root}}}]"
    for own, other in ((rrsisd, "refsegrs"), (refsegrs, "rrsisd")):
        words = [f"data={own.data.name}", f"data.root={own.root}", both]
        named = with_own_names(configuration(words))
        assert [each["name"] for each in named.protocol.also] == [other]


def test_sets_of_one_name_or_one_folder_are_refused(
    rrsisd: RrsisdSet, drawn: list[str], tmp_path: Path
) -> None:
    for words, said in (
        (entry(rrsisd, "synthetic"), "two sets are called synthetic"),
        ("protocol.also=[{data: synthetic, root: data/x}]", "two sets are called synthetic"),
    ):
        with pytest.raises(UserError, match=said):
            planned([*drawn, words], tmp_path)
    (root,) = [word.partition("=")[2] for word in drawn if word.startswith("data.root=")]
    with pytest.raises(UserError, match="other scenes in the folder of those trained on"):
        planned([*drawn, f"protocol.also=[{{data: synthetic, root: {root}}}]"], tmp_path)


def test_naming_only_what_is_trained_on_is_told(rrsisd: RrsisdSet, tmp_path: Path) -> None:
    words = ["data=rrsisd", f"data.root={rrsisd.root}", entry(rrsisd)]
    with pytest.raises(UserError, match="names what is trained on and nothing else"):
        planned(words, tmp_path)


def test_a_cell_scores_them_after_training(further: RrsisdSet, drawn: list[str], tmp_path: Path) -> None:
    plan = planned([*drawn, entry(further)], tmp_path)
    plan.write("test")
    (cell,) = plan.stored()
    run_cell(cell)
    metrics, samples = cell.metrics(), cell.samples()
    assert metrics is not None, cell.state()
    assert samples is not None
    assert list(metrics["scores"]) == ["val", "test", "shuffled", "ports/test"]
    assert metrics["counts"]["ports/test"] == (samples["split"] == "ports/test").sum() == 6
    assert metrics["skipped"]["ports/test"] == 0
    assert plan.store.study(plan.study.name)["also"] == {"synthetic": ["ports"]}
    assert "also" not in plan.store.study(plan.study.name)["protocol"]
    own = set(samples.loc[samples["split"] != "ports/test", "category"])
    assert from_cell(Store(tmp_path / "runs"), cell.id).categories == tuple(sorted(own))


def test_a_set_that_changed_since_planning_ends_the_job_before_it_trains(
    further: RrsisdSet, drawn: list[str], tmp_path: Path
) -> None:
    plan = planned([*drawn, entry(further)], tmp_path)
    plan.write("test")
    (cell,) = plan.stored()
    further.say(0, "Another ship")
    further.write()
    run_cell(cell)
    assert cell.state()["cause"].startswith(f"protocol.also, ports ({further.root}): changed since")
    shutil.rmtree(further.root)
    run_cell(cell)
    assert "there is no such folder" in cell.state()["cause"]
    assert not cell.history()
