import pytest

from bench.config import compose as composing
from bench.config import groups
from bench.config.compose import compose, configuration, plain, restore
from bench.config.groups import EXPERIMENTS, GROUPS, options
from bench.config.help import text as help_page
from bench.config.request import Request
from bench.config.schema import Config, DataConfig, ProtocolConfig, SyntheticConfig
from bench.config.values import RANGES, check_values
from bench.study.definition import read_study
from bench.terminal.arguments import dotted
from bench.terminal.errors import UserError


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in GROUPS for name in options(group)], ids=lambda value: value
)
def test_every_config_composes(group: str, name: str) -> None:
    needed = {"manifest": ["data.file=a.csv"], "coco": ["data.coco=a.json", "data.images=photos"]}
    assert configuration([f"{group}={name}", "tracking.uri=http://127.0.0.1:5000", *needed.get(name, [])])


def test_live_tracking_without_a_server_is_refused() -> None:
    with pytest.raises(UserError, match=r"tracking\.uri is missing"):
        configuration(["tracking=live"])


@pytest.mark.parametrize(
    "path", sorted(EXPERIMENTS.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_every_config_says_what_it_is(path) -> None:
    assert options(path.parent.name)[path.stem], "the first comment line is what --help shows"


@pytest.mark.parametrize(
    ("override", "names", "remedy"),
    [
        ("dta=rrsisd", "dta", "data"),
        ("data=rrsis", "data=rrsis", "rrsisd"),
        ("recipe.epoch=3", "recipe.epoch", "recipe.epochs"),
        ("epochs=3", "epochs", "recipe.epochs"),
        ("model.fusion=fianm", "model.fusion", "fiam"),
        ("recipe.lr=fast", "recipe.lr", "kind"),
        ("recipe.lr=1e-3,1e-4", "recipe.lr", "row"),
        ("recipe.epochs=0", "recipe.epochs", "from 1 to"),
        ("recipe.batch_size=1", "recipe.batch_size", "2"),
        ("recipe.erase=2", "recipe.erase", "0 to 1"),
        ("seeds=3", "seeds", "[...]"),
        ("seeds=[1,1]", "different", "[0,1,2]"),
        ("+recipe.warmup=1", "+recipe.warmup", "without +"),
        ("nonsense", "nonsense", "key=value"),
        ("model={a: 3}", "model", "lavt"),
    ],
)
def test_wrong_request_names_itself_and_the_remedy(override: str, names: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        configuration([override])
    assert names in caught.value.what
    assert remedy in caught.value.remedy


def test_scale_brings_its_recipe_and_the_command_line_wins() -> None:
    assert configuration(["scale=paper"]).recipe.size == 480
    assert configuration(["scale=tiny"]).recipe.size == 96
    assert configuration(["scale=paper", "recipe=tiny"]).recipe.size == 96
    assert configuration(["recipe.lr=0.5"]).recipe.lr == 0.5


def test_paper_recipe_follows_data_set_and_model() -> None:
    fianet = configuration(["scale=paper", "data=refsegrs"])
    assert (fianet.recipe.epochs, fianet.recipe.lr, fianet.model.tmem.blocks) == (60, 5e-5, 1)
    assert (fianet.recipe.loss, fianet.recipe.erase, fianet.data.max_tokens) == ("ce_dice", 0.0, 20)
    lavt = configuration(["scale=paper", "data=rrsisd", "model=lavt"])
    assert (lavt.recipe.epochs, lavt.recipe.lr, lavt.model.tmem.blocks) == (40, 3e-5, 3)
    assert (lavt.recipe.loss, lavt.recipe.erase, lavt.data.max_tokens) == ("ce", 0.0, 22)


@pytest.mark.parametrize(("model", "share"), [("fianet", 0.2), ("rmsin", 0.2), ("lavt", 0.0), ("lgce", 0.0)])
def test_black_boxes_are_for_rmsin_and_fianet_on_rrsisd_alone(model: str, share: float) -> None:
    asked = ["scale=paper", f"model={model}"]
    assert configuration([*asked, "data=rrsisd"]).recipe.erase == share
    assert configuration([*asked, "data=refsegrs"]).recipe.erase == 0
    assert configuration([*asked, "data=synthetic"]).recipe.erase == 0
    assert configuration([*asked, "data=refsegrs", "recipe.erase=0.1"]).recipe.erase == 0.1


@pytest.mark.parametrize(
    ("model", "select", "decoupler"),
    [
        ("fianet", "test", "nltk"),
        ("rmsin", "val", "rules"),
        ("lavt", "val", "rules"),
        ("lgce", "val", "rules"),
    ],
)
def test_published_protocol_is_that_of_each_models_code(model: str, select: str, decoupler: str) -> None:
    for config in (
        configuration(["protocol=published", f"model={model}"]),
        compose(Request.parse(["protocol=published"]), {"model": model}),
        compose(Request.parse([]), {"model": model, "protocol": "published"}),
    ):
        protocol = config.protocol
        assert (protocol.select, protocol.metric) == (select, "oIoU")
        assert (protocol.size, protocol.decoupler) == ("resized", decoupler)
        assert config.model.published.said
    assert configuration([f"model={model}"]).protocol == ProtocolConfig(), (
        "the default chooses by mIoU on val"
    )


def test_model_of_another_package_is_not_given_the_choices_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (composing, groups):
        monkeypatch.setattr(module, "plugins", lambda: {"theirs": None})
        monkeypatch.setattr(module, "package", lambda entry: "theirs 1.2")
    config = configuration(["model=theirs", "protocol=published"])
    assert (config.protocol.select, config.protocol.decoupler) == ("val", "rules")
    assert config.model.published.said == ""


def test_help_lists_the_published_protocol() -> None:
    assert "published" in options("protocol")
    assert "FIANet's epoch by oIoU on test" in help_page()


def test_study_of_selection_keeps_its_rows_under_any_protocol() -> None:
    rows = read_study("selection").rows
    for words in ([], ["protocol=published"]):
        chosen = [compose(Request.parse(words), row.changes).protocol for row in rows]
        assert [(each.select, each.metric) for each in chosen] == [("val", "mIoU"), ("test", "mIoU")]


def test_rows_change_keys_or_choose_a_model_and_win() -> None:
    assert compose(Request.parse(["model=fianet"]), {"model": "lavt"}).model.name == "lavt"
    changed = compose(Request.parse([]), {"model": {"fiam": {"object": False}}})
    assert not changed.model.fiam.object
    assert changed.model.fiam.position


def test_wrong_key_in_a_row_names_the_row() -> None:
    with pytest.raises(UserError, match="my study, row one") as caught:
        compose(Request.parse([]), {"model": {"fusio": "pwam"}}, "my study, row one")
    assert "fusion" in caught.value.remedy


def test_config_survives_its_stored_form() -> None:
    config = configuration(["scale=paper", "data=refsegrs", "seeds=[2,3]"])
    assert restore(plain(config)) == config


def test_config_stored_by_another_version_is_a_user_error() -> None:
    values = plain(configuration([]))
    values["launcher"]["lasers"] = 3
    with pytest.raises(UserError, match=r"launcher\.lasers: there is no such key") as caught:
        restore(values)
    assert "Another version" in caught.value.remedy


def test_broken_study_file_names_file_and_line(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: a\nrows: [1, 2\n")
    with pytest.raises(UserError, match=r"mine\.yaml, line \d"):
        read_study(str(path))
    with pytest.raises(UserError, match="no such study") as caught:
        read_study("fian")
    assert "fiam" in caught.value.remedy


def test_recipe_file_wins_over_scale_and_loses_to_the_command_line(tmp_path) -> None:
    path = tmp_path / "found.yaml"
    path.write_text("recipe: {lr: 0.002, loss: ce}\nmodel: {tmem: {blocks: 2}}\n")
    config = configuration(["scale=tiny", "recipe.weight_decay=0.3", f"recipe={path}", "recipe.loss=ce_dice"])
    assert (config.recipe.lr, config.recipe.loss, config.model.tmem.blocks) == (0.002, "ce_dice", 2)
    assert config.recipe.weight_decay == 0.3
    assert config.recipe.size == 96, "the rest is the scale's"


@pytest.mark.parametrize(
    ("content", "names"),
    [("recipe: {lrr: 1}", "recipe.lr"), ("data: {root: x}", "recipe:"), ("- 1", "mapping")],
)
def test_wrong_recipe_file_is_named(tmp_path, content: str, names: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=names) as caught:
        configuration([f"recipe={path}"])
    assert str(path) in str(caught.value)


def test_missing_recipe_file_is_said() -> None:
    with pytest.raises(UserError, match="there is no such file"):
        configuration(["recipe=nowhere.yaml"])


@pytest.mark.parametrize(
    ("word", "right"), [("model.fusion=pwan", "pwam"), ("recipe.loss=ce_dise", "ce_dice")]
)
def test_wrong_choice_names_the_nearest(word: str, right: str) -> None:
    with pytest.raises(UserError, match=word.partition("=")[0]) as caught:
        configuration([word])
    assert caught.value.remedy == f"Did you mean {right}?"


def test_every_number_has_a_range() -> None:
    data = DataConfig(synthetic=SyntheticConfig(), limit=1, fraction=1.0, bands=[1])
    kinds = dict(dotted(plain(Config(data=data))))
    numbers = {
        key
        for key, value in kinds.items()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, int | float) and not isinstance(each, bool)
    }
    assert numbers == set(RANGES)


@pytest.mark.parametrize("key", sorted(RANGES))
def test_numbers_outside_their_range_are_refused_in_two_lines(key: str) -> None:
    lowest, highest = RANGES[key]
    for value in (lowest - 1, 2 * highest + 1, float("nan"), float("inf"), float("-inf")):
        config = Config(data=DataConfig(synthetic=SyntheticConfig(), bands=[1]))
        *sections, name = key.split(".")
        section = config
        for part in sections:
            section = getattr(section, part)
        old = getattr(section, name)
        setattr(section, name, [value] if isinstance(old, list) else value)
        with pytest.raises(UserError, match=key) as caught:
            check_values(config)
        assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    "word", ["recipe.lr=nan", "recipe.weight_decay=inf", "launcher.workers=-1", "recipe.erase=1.5"]
)
def test_a_number_out_of_range_on_the_command_line_names_its_key(word: str) -> None:
    with pytest.raises(UserError, match=word):
        configuration([word])


def test_the_chosen_configurations_are_within_the_ranges() -> None:
    for scale in ("tiny", "small", "base", "paper"):
        for data in ("synthetic", "rrsisd", "refsegrs"):
            configuration([f"scale={scale}", f"data={data}"])


@pytest.mark.parametrize("word", ["model.encoder.depths=[[1]]", "data.bands=[[1]]", "data.refer.split=[[1]]"])
def test_a_list_in_a_list_is_refused(word: str) -> None:
    with pytest.raises(UserError, match=r"\[1\] is among its values"):
        configuration([word])
