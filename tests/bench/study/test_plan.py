import dataclasses
import random
import string
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.compose import compose, configuration
from bench.config.groups import options
from bench.config.identity import canonical, cell_id, identity
from bench.config.request import Request
from bench.config.schema import Config
from bench.study.definition import check_conflicts, parse_study, read_study
from bench.study.plan import plan_cells, study_record
from bench.terminal.errors import UserError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIXED = {"fingerprint": "f" * 16}


def id_of(*overrides: str, seed: int = 0, fingerprint: str = "f" * 16, weights: str = "w") -> str:
    return cell_id(identity(configuration(list(overrides)), seed, fingerprint, lambda name: weights))


@given(st.dictionaries(st.text(string.ascii_letters), JSON, min_size=1, max_size=6), st.randoms())
def test_id_does_not_depend_on_key_order(value: dict, order: random.Random) -> None:
    keys = list(value)
    order.shuffle(keys)
    assert cell_id({key: value[key] for key in keys}) == cell_id(value)
    assert len(cell_id(value)) == 12


@given(JSON, JSON)
def test_canonical_json_is_injective(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (repr_sorted(one) == repr_sorted(other))


def repr_sorted(value: object) -> str:
    """Equal for equal JSON values; tells 1 from 1.0 and True, as JSON text does."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{repr_sorted(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(repr_sorted, value)) + "]"
    return repr(value)


@pytest.mark.parametrize(
    "override",
    [
        "model.fusion=pwam",
        "model.neck=none",
        "model.fiam.object=false",
        "model.fiam.position=false",
        "model.tmem.blocks=2",
        "model.fusion_heads=[2,2,2,2]",
        "model.text.width=32",
        "model.text.trained_layers=1",
        "model.encoder.window=4",
        "model.encoder.drop_path=0.2",
        "recipe.lr=0.01",
        "recipe.epochs=7",
        "recipe.batch_size=4",
        "recipe.size=128",
        "recipe.dice=mean",
        "recipe.loss=ce",
        "recipe.erase=0.5",
        "recipe.weight_decay=0",
        "protocol=test_selected",
        "protocol.metric=oIoU",
        "protocol.size=native",
        "data.max_tokens=9",
    ],
)
def test_everything_that_can_change_the_score_changes_the_id(override: str) -> None:
    assert id_of(override) != id_of()


@pytest.mark.parametrize(
    "override",
    [
        "launcher=inline",
        "launcher.workers=3",
        "launcher.threads=1",
        "tracking.enabled=false",
        "store=elsewhere",
        "data.root=elsewhere",
        "data.workers=4",
        "data.cache_mb=1",
        "data.skip_errors=true",
        "seeds=[5]",
        "name=other",
        "dry_run=true",
    ],
)
def test_nothing_else_changes_the_id(override: str) -> None:
    assert id_of(override) == id_of()


def test_boxes_have_a_version_where_there_are_boxes() -> None:
    def recipe(share: float) -> dict:
        return identity(configuration([f"recipe.erase={share}"]), 0, "f", str)["recipe"]

    assert recipe(0.5)["boxes"] == 2
    assert "boxes" not in recipe(0.0)
    assert cell_id(identity(configuration(["recipe.erase=0"]), 0, "f" * 16, lambda name: "w")) == id_of()


def test_seed_data_and_pretrained_content_change_the_id() -> None:
    assert id_of(seed=1) != id_of()
    assert id_of(fingerprint="0" * 16) != id_of()
    pretrained = "model.text.pretrained=somewhere"
    assert id_of(pretrained, weights="a") != id_of(pretrained, weights="b")
    assert id_of(pretrained) == id_of("model.text.pretrained=moved")


def test_what_nltk_marks_is_part_of_the_id_of_cells_that_read_it_and_of_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nltk, rules = "protocol.decoupler=nltk", "protocol.decoupler=rules"
    scored = ("weights=somewhere.pth", nltk)
    before = [id_of(nltk), id_of(*scored)]
    others = [[rules], ["protocol.decoupler=context"], ["model.fusion=pwam", nltk], ["weights=somewhere.pth"]]
    kept = [id_of(*each) for each in others]
    monkeypatch.setattr("bench.config.identity.NLTK_MARKS", 3)
    assert id_of(nltk) != before[0]
    assert id_of(*scored) != before[1]
    assert kept == [id_of(*each) for each in others]
    assert "marks" not in canonical(identity(configuration([rules]), 0, "f", str))


def test_models_that_are_the_same_modules_share_a_cell() -> None:
    assert id_of("model=lavt", "recipe.loss=ce_dice") == id_of("model.fusion=pwam", "model.neck=none")
    assert id_of("model.fusion=pwam", "model.fiam.object=false") == id_of("model.fusion=pwam")


def test_every_key_of_the_schema_is_identity_or_known_not_to_be() -> None:
    known = identity(Config(), 0, "f", str)
    outside = {
        "launcher",
        "tracking",
        "ablation",
        "name",
        "seeds",
        "store",
        "dry_run",
        "rehearse",
        "assumed",
        "weights",
        "wait",
        "watch",
    }
    assert {field.name for field in dataclasses.fields(Config)} == {
        "model",
        "data",
        "recipe",
        "protocol",
    } | outside
    assert {"seed", "version", "model", "data", "recipe", "protocol"} == set(known)


@pytest.mark.parametrize("name", options("ablation"))
def test_every_study_plans(name: str) -> None:
    study = read_study(name)
    configs = {(row.key, "synthetic"): compose(Request.parse([]), row.changes, row.key) for row in study.rows}
    cells = plan_cells(study, configs, [0, 1], lambda config: "f", str)
    assert len(cells) == 2 * len(study.rows)
    assert len({cell.id for cell in cells}) == len(cells)
    record = study_record(study, cells, "command")
    assert [len(row["cells"]) for row in record["rows"]] == [2] * len(study.rows)


def test_a_short_label_is_kept_beside_the_label_and_changes_no_cell() -> None:
    records = []
    for more in ({}, {"short": "F"}):
        study = parse_study("s", {"rows": {"full": {"label": "Full", **more}}}, "s.yaml")
        configs = {("full", "synthetic"): compose(Request.parse([]), study.rows[0].changes, "full")}
        cells = plan_cells(study, configs, [0], lambda config: "f", str)
        records.append(study_record(study, cells, "command")["rows"][0])
    plain, short = records
    assert short == plain | {"short": "F"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"rows": {}}, "no rows"),
        ({"titel": "x"}, "titel"),
        ({"reference": "ful"}, "ful"),
        ({"marks": "context"}, "marks"),
        ({"rows": {"a": {"lable": "x"}}}, "lable"),
        ({"rows": {"a": {"marks": ["contex"]}}}, "contex"),
        ({"rows": {"a": 3}}, "row a"),
    ],
)
def test_wrong_study_says_where(change: dict, names: str) -> None:
    spec = {"title": "t", "marks": ["context"], "rows": {"full": {"label": "Full"}}} | change
    with pytest.raises(UserError, match=names):
        parse_study("mine", spec, "mine.yaml")


def test_key_that_a_row_sets_is_refused_on_the_command_line() -> None:
    study = parse_study("s", {"rows": {"a": {"model": {"fusion": "none"}}, "b": {}}}, "s.yaml")
    with pytest.raises(UserError, match="row a"):
        check_conflicts(study, ["model.fusion"], "s.yaml")
    check_conflicts(study, ["model.neck", "recipe.lr"], "s.yaml")


TWO_SETS = {"title": "t", "datasets": ["rrsisd", "refsegrs"], "rows": {"full": {"label": "Full"}}}


def test_study_on_several_sets_plans_every_row_on_each() -> None:
    study = parse_study("two", TWO_SETS, "two.yaml")
    configs = {("full", name): configuration([f"data={name}"]) for name in study.datasets}
    cells = plan_cells(study, configs, [0, 1], lambda config: config.data.name, str)
    assert [(cell.dataset, cell.seed) for cell in cells] == [
        ("rrsisd", 0),
        ("refsegrs", 0),
        ("rrsisd", 1),
        ("refsegrs", 1),
    ]
    assert len({cell.id for cell in cells}) == 4


def test_root_of_one_set_is_refused_where_the_study_runs_on_two(tmp_path) -> None:
    from bench.study.prepare import prepare

    with pytest.raises(
        UserError, match=r"data\.root is given, but the study main runs on rrsisd and refsegrs"
    ):
        prepare(Request.parse(["ablation=main", f"data.root={tmp_path}"]))


def test_split_that_is_not_scored_is_refused() -> None:
    with pytest.raises(UserError, match="tset"):
        parse_study("x", TWO_SETS | {"splits": ["tset"]}, "x.yaml")


def test_weights_that_are_only_scored_have_no_recipe_and_one_cell() -> None:
    id_with = partial(id_of, "weights=model.safetensors")
    assert id_with(weights="a") != id_with(weights="b")
    assert id_with("recipe.lr=1") == id_with() == id_with(seed=1)
    assert id_with("recipe.size=64") != id_with()
    spec = {"title": "t", "rows": {"given": {"label": "Given", "weights": "model.safetensors"}, "own": {}}}
    study = parse_study("x", spec, "x.yaml")
    configs = {(row.key, "synthetic"): compose(Request.parse([]), row.changes) for row in study.rows}
    cells = plan_cells(study, configs, [0, 1], lambda config: "f", str)
    assert [(cell.row, cell.seed) for cell in cells] == [("given", 0), ("own", 0), ("own", 1)]


def test_keys_below_a_model_that_a_row_names_may_be_given() -> None:
    rows = {"lavt": {"model": "lavt"}, "own": {"model": {"fusion": "none"}}}
    study = parse_study("x", {"title": "t", "rows": rows}, "x.yaml")
    check_conflicts(study, ["model.text.pretrained"], "x.yaml")
    for key in ("model", "model.fusion"):
        with pytest.raises(UserError, match=key):
            check_conflicts(study, [key], "x.yaml")
