"""Every key is listed, with what its comment in the schema says."""

import dataclasses
from pathlib import Path

import pytest

from bench.config import keys
from bench.config.schema import Config
from bench.run import main
from bench.terminal.errors import UserError

DOCS = Path(__file__).parents[3] / "docs"


def listed(*words: str) -> dict[str, keys.Key]:
    return {key.name: key for _, _, each in keys.groups([*words]) for key in each}


def names(kind: type, options: object, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for field in dataclasses.fields(options):  # type: ignore[arg-type]
        value = getattr(options, field.name)
        inner = dataclasses.is_dataclass(value)
        found |= names(type(value), value, f"{prefix}{field.name}.") if inner else {prefix + field.name}
    return found


def test_every_key_of_the_schema_is_listed_once() -> None:
    from bench.config.compose import configuration

    every = [key.name for _, _, each in keys.groups([]) for key in each]
    assert len(every) == len({*every})
    assert {*every} == names(Config, configuration([]))


def test_a_key_has_its_value_its_choices_and_its_comment() -> None:
    key = listed("scale=paper", "data=rrsisd")["recipe.precision"]
    assert key.value == "tf32"
    assert key.choices == ("float32", "tf32", "bf16")
    assert "of training and scoring" in key.meaning


def test_comments_are_found_above_beside_and_inside_a_field() -> None:
    found = listed()
    assert found["recipe.accumulate"].meaning.startswith("parts a batch is computed in")  # above
    assert found["recipe.size"].meaning == "input side in pixels"  # beside
    assert found["data.published.erase"].meaning.startswith("share of training references")  # inside


def test_every_key_says_what_it_means() -> None:
    silent = [name for name, key in listed().items() if not (key.meaning or key.choices)]
    assert not silent, "a comment beside its field in bench/config/schema.py"


def test_wrong_words_are_refused_as_in_a_run() -> None:
    with pytest.raises(UserError):
        listed("recipe.lrr=1")


def test_the_command_lists_them_for_other_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench.run", "--keys", "recipe.epochs=7"])
    assert main() == 0
    assert "recipe.epochs=7" in capsys.readouterr().out


@pytest.mark.parametrize("others", [["recipe.epochs=7"], ["--keys"], ["nonsense", "data=rrsisd"]])
def test_the_page_refuses_other_arguments_instead_of_ignoring_them(
    others: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench.run", *others, "--keys=markdown"])
    assert main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"without {others[0]}" in said.err
    assert len(said.err.splitlines()) == 2


def test_the_page_of_the_docs_is_what_the_schema_says_now() -> None:
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    assert page == keys.page(), "python -m bench.run --keys=markdown > docs/keys.md"
