import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports import write_report
from reports.document.readme import MARKERS, ONE_TRAINING, insert, put, without_val

PAGE = f"# Title\n\n{MARKERS[0]}\nold\n{MARKERS[1]}\n\nrest\n"
TABLE = "**T.**\n\n**set, val**\n\n| a |\n| - |\n| 1 |\n\n**set, test**\n\n| a |\n| - |\n| 2 |\n\n- note\n"


def test_only_what_is_between_the_markers_changes_and_twice_is_once() -> None:
    once = insert(PAGE, TABLE)
    assert once.startswith("# Title\n\n")
    assert once.endswith("\n\nrest\n")
    assert "old" not in once
    assert insert(once, TABLE) == once


def test_val_table_is_left_out() -> None:
    shown = without_val(TABLE)
    assert "| 2 |" in shown
    assert "- note" in shown
    assert "| 1 |" not in shown
    assert "val" not in shown


def test_page_without_markers_is_refused() -> None:
    with pytest.raises(UserError, match=r"README\.md"):
        insert("# Title\n", TABLE)


WINNER = re.compile(r"\b(best|better|win\w*|outperform\w*|beats?|highest|superior|significant\w*|met)\b")


def section(page: str, heading: str) -> str:
    """A section of the page with its heading."""
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_readme_claims_no_winner_that_its_seeds_do_not_support() -> None:
    page = section((Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8"), "What comes out")
    table = page.partition(MARKERS[0])[2].partition(MARKERS[1])[0]
    assert table.count("|") > 80
    if "- One seed (" not in table:
        pytest.skip("the study has several seeds: what stands out is what tests found")
    cells = "".join(line for line in table.splitlines() if line.startswith("|"))
    assert not re.search(r"\*\*|<u>|\\\*", cells), "nothing stands out"
    assert ONE_TRAINING in table
    sentences = re.split(r"(?<=[.:;])\s", " ".join(page.split()))
    claims = [each for each in sentences if WINNER.search(each)]
    assert all(re.search(r"\b(not|nothing|no|undecided)\b", each, re.IGNORECASE) for each in claims), claims


@pytest.mark.parametrize(("seeds", "claims"), [((0,), False), ((0, 1), False), ((0, 1, 2), True)])
@pytest.mark.usefixtures("unfigured")
def test_what_is_put_into_readme_follows_the_seeds(
    make_study: Callable[..., Store], tmp_path: Path, seeds: tuple[int, ...], claims: bool
) -> None:
    (tmp_path / "README.md").write_text(PAGE)
    put(write_report(make_study(seeds=seeds), "fiam", lambda *_: {}), tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert (ONE_TRAINING in page) != claims
    assert ("has the highest mIoU" in page) == claims
    assert page.endswith("\n\nrest\n")
