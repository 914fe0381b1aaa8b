"""`python -m bench.decouple`: what it shows, what scripts read, and what it answers to a wrong request."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import decouple

SENTENCE = "The ship on the left of the storage tank"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["decouple", *arguments])
    return decouple.main()


def places(out: str, kind: str) -> list[int]:
    lines = [line.split() for line in out.splitlines() if line.startswith("  ")]
    return [int(line[0]) for line in lines[1:] if kind in line[2:]]


def test_rules_say_what_is_marked_and_by_which_rule(monkeypatch, capsys) -> None:
    assert run(monkeypatch, f"text={SENTENCE}") == 0
    out = capsys.readouterr().out
    assert out.startswith(SENTENCE)
    assert places(out, "object") == [2]
    assert places(out, "position") == [3, 4, 5, 6, 7, 8, 9]
    assert 'object: "ship", nouns of the first noun phrase' in out
    assert 'position: "on the left of the storage tank", a phrase opened by "on" (place)' in out


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The upper left ship", 'position: "upper left", a side before the noun'),
        ("the ship", "position: no phrase, so the whole sentence"),
        ("on the left", "object: no noun phrase, so the whole sentence"),
        ("the " * 30 + "ship", "object: all cut off, so the whole sentence"),
        ("the " * 30 + "ship", "only the first 20 of 31 word pieces are read (max_tokens=22)"),
        ("", "object: no noun phrase, so the whole sentence"),
    ],
)
def test_rules_also_say_what_is_not_marked(monkeypatch, capsys, sentence: str, why: str) -> None:
    assert run(monkeypatch, f"text={sentence}") == 0
    assert why in capsys.readouterr().out


def test_context_is_the_whole_sentence(monkeypatch, capsys) -> None:
    assert run(monkeypatch, f"text={SENTENCE}", "decoupler=context") == 0
    out = capsys.readouterr().out
    assert places(out, "object") == places(out, "position") == list(range(11))
    assert "the decoupler is context" in out


def test_nltk_says_which_name_and_which_tags_mark_what(monkeypatch, capsys, nltk_data: Path) -> None:
    assert run(monkeypatch, f"text={SENTENCE}", "decoupler=nltk") == 0
    out = capsys.readouterr().out
    assert places(out, "object") == [2, 8, 9]
    assert places(out, "position") == [3, 4, 5]
    assert 'the class name "storage tank" is in the sentence' in out
    assert '"on the left" is IN DT NN, by the rule IN DT? JJ*? NN; the first "on" is word number 3' in out
    assert 'dropped, as "of" is in it' in out


def test_nltk_looks_for_the_classes_it_is_given(monkeypatch, capsys, nltk_data: Path) -> None:
    assert run(monkeypatch, "text=The ship", "decoupler=nltk", "categories=[storagetank]") == 0
    out = capsys.readouterr().out
    assert places(out, "object") == []
    assert "object: no class name is marked, so no place: the mask stays all 0" in out
    assert "position: no phrase is marked, so the whole sentence" in out


def test_json_is_a_line_for_each_line_of_the_file(monkeypatch, capsys, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text(f"{SENTENCE}\n\nthe ship\n")
    assert run(monkeypatch, f"file={tmp_path / 'lines.txt'}", "max_tokens=12", "--json") == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert list(first) == ["sentence", "ids", "context", "object", "position"]
    assert first["sentence"] == SENTENCE
    assert first["object"] == [0, 0, 1] + [0] * 9
    assert first["position"] == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert second["context"] == second["position"] == [1, 1, 1, 1] + [0] * 8


def test_another_vocabulary_is_read_from_its_folder(monkeypatch, capsys, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nsh\n##ip\nthe\n")
    assert run(monkeypatch, "text=the ship", f"vocabulary={tmp_path}", "max_tokens=6", "json=true") == 0
    assert json.loads(capsys.readouterr().out)["ids"] == [2, 6, 4, 5, 3, 0]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ([], "text: is missing"),
        (["text=a", "file=b"], "both are given"),
        (["file=nowhere.txt"], "nowhere.txt: No such file"),
        (["text=a", "vocabulary=nowhere"], "vocabulary=nowhere: there is no such folder"),
        (["text=a", "vocabulary=."], "vocabulary=.: cannot be read"),
        (["text=a", "decoupler=rule"], "expected one of [rules, nltk, context]"),
        (["text=a", "max_tokens=2"], "max_tokens=2: leaves no room"),
        (["txt=a"], "txt: there is no such key"),
    ],
)
def test_a_wrong_request_is_two_lines_and_2(
    monkeypatch, capsys, tmp_path: Path, arguments: list[str], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert what in err
    assert len(err.splitlines()) == 2


def test_a_file_that_is_no_text_is_two_lines_and_2(monkeypatch, capsys, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    assert run(monkeypatch, f"file={tmp_path / 'photo.jpg'}") == 2
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_answers_without_torch() -> None:
    code = (
        "import sys; from bench import decouple; sys.argv = ['decouple', 'text=the ship'];"
        "assert decouple.main() == 0; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
