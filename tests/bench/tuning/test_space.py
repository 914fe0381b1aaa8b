"""Searches as data: what can be written, and what is said of mistakes."""

from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.groups import options
from bench.terminal.errors import UserError
from bench.tuning.search import checked
from bench.tuning.space import Choice, Range, read_search, value_of
from bench.tuning.storage import check_url, distribution

GOOD = "recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}"


def written(folder: Path, content: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("name", options("tune"))
def test_shipped_search_can_be_read_and_starts_inside_its_space(name: str) -> None:
    search = read_search(name)
    config = configuration(list(search.overrides))
    for key, dimension in search.space.items():
        assert value_of(config, key) in dimension, (
            f"trial 0 of {name} would not be the recipe as it is: {key}"
        )


@pytest.mark.parametrize(
    ("space", "names", "remedy"),
    [
        ("recipe.lrr: {low: 1, high: 2}", "recipe.lrr", "recipe.lr"),
        ("recipe.lr: {lo: 1, high: 2}", "recipe.lr.lo", "low"),
        ("recipe.lr: {low: 2, high: 1}", "low=2", "Widen"),
        ("recipe.lr: {low: 0, high: 1, log: true}", "above 0", "low"),
        ("recipe.lr: {low: 1}", "recipe.lr", "numbers|For example"),
        ("recipe.lr: 3", "recipe.lr", "low: 1"),
        ("recipe.loss: {low: 1, high: 2}", "recipe.loss", "choices"),
        ("recipe.loss: [ce]", "recipe.loss", "ce_dice"),
        ("recipe.loss: [ce, ce]", "twice", "out"),
        ("model.tmem.blocks: {low: 1, high: 2.5}", "whole", "low: 1"),
        ("recipe.erase: {low: 0, high: 1, step: 3}", "step=3", "within"),
        ("recipe.epochs: {low: 1, high: 3}", "recipe.epochs", "command line"),
        ("protocol.select: [val, test]", "protocol.select", "recipe and model"),
        ("data.root: [a, b]", "data.root", "recipe and model"),
    ],
)
def test_wrong_space_names_file_key_and_remedy(tmp_path, space: str, names: str, remedy: str) -> None:
    name = written(tmp_path, f"space:\n  {space}\n")
    with pytest.raises(UserError, match=names) as caught:
        read_search(name)
    assert name in caught.value.what
    assert any(word in caught.value.remedy for word in remedy.split("|"))


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (f"spaces: {{{GOOD}}}", "space"),
        (f"sampler: {{name: tpee}}\nspace: {{{GOOD}}}", "sampler.name"),
        (f"sampler: {{named: tpe}}\nspace: {{{GOOD}}}", "Did you mean name"),
        (f"pruner: {{reduction: 1}}\nspace: {{{GOOD}}}", "pruner.reduction=1"),
        ("trials: 3", "no space"),
        ("[1, 2", "line"),
    ],
)
def test_wrong_file_names_the_key(tmp_path, content: str, names: str) -> None:
    with pytest.raises(UserError, match=names):
        read_search(written(tmp_path, content))


def test_unknown_search_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean fianet_lr"):
        read_search("fianet_lrr")


def test_type_of_a_range_follows_the_key_not_the_spelling(tmp_path) -> None:
    space = "  recipe.erase: {low: 0, high: 1}\n  model.tmem.blocks: {low: 1, high: 3}\n  recipe.loss: [ce, ce_dice]"
    found = read_search(written(tmp_path, f"space:\n{space}\n")).space
    kinds = {key: type(distribution(dimension)).__name__ for key, dimension in found.items()}
    assert kinds == {
        "recipe.erase": "FloatDistribution",
        "model.tmem.blocks": "IntDistribution",
        "recipe.loss": "CategoricalDistribution",
    }
    assert 0.5 in found["recipe.erase"]
    assert 1.5 not in Range(1, 1.4)
    assert "ce" in Choice(("ce", "ce_dice"))


def test_storage_url_with_a_password_is_refused_without_printing_it() -> None:
    with pytest.raises(UserError) as caught:
        check_url("postgresql://me:secret@db/tuning")
    assert "secret" not in str(caught.value)
    with pytest.raises(UserError, match="no URL"):
        check_url("tuning.db")
    check_url("postgresql://me@db/tuning")


def test_command_line_replaces_what_the_searchs_file_says(drawn: list[str], tmp_path: Path) -> None:
    overrides = "overrides: [model=fianet, 'seeds=[1]']\n"
    found = read_search(written(tmp_path, f"{overrides}space:\n  recipe.lr: {{low: 1.0e-4, high: 1.0e-3}}\n"))
    assert checked(found, [*drawn, "model=lavt"]).overrides == ["seeds=[1]", *drawn, "model=lavt"]


def test_overrides_of_a_search_are_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"overrides: \{'scale': 'tiny'\}: arguments are key=value"):
        read_search(written(tmp_path, "overrides: [scale: tiny]\nspace:\n  recipe.lr: [1.0e-4, 1.0e-3]\n"))
