import pytest

from bench.terminal.errors import UserError
from reports.document.readme import MARKERS, insert, without_val

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
