"""What docs and README say was measured is what the stored results hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "reports" / "results" / "vhr10"
SCORE = re.compile(r"\d+\.\d\d ± \d+\.\d\d")
INTERVAL = re.compile(r"[+−]\d+\.\d\d, [+−]\d+\.\d\d")


def stored() -> str:
    """Every stored table as text, without marks."""
    tables = [path.read_text(encoding="utf-8") for path in sorted(RESULTS.rglob("*.md"))]
    return "\n".join(tables).replace("**", "").replace("\\", "").replace("<u>", "").replace("</u>", "")


def published(page: str) -> str:
    """The part of a page that speaks of stored results."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.split("<!-- table")[0]  # what follows is written by make docs-assets


@pytest.mark.parametrize("page", ["docs/findings.md", "docs/index.md", "README.md"])
def test_scores_and_intervals_on_the_page_are_those_stored(page: str) -> None:
    said, known = published(page), stored()
    scores, intervals = SCORE.findall(said), INTERVAL.findall(said)
    assert scores
    assert intervals
    for score in scores:
        assert score in known, score
    for interval in intervals:
        low, high = interval.split(", ")
        mirrored = f"{_turned(high)}, {_turned(low)}"  # a difference may be told from its other side
        assert interval in known or mirrored in known, interval


def _turned(number: str) -> str:
    return {"+": "−", "−": "+"}[number[0]] + number[1:]


def test_scores_of_parts_are_those_stored() -> None:
    known = stored()
    rows = [line for line in published("docs/findings.md").splitlines() if re.match(r"\| .*\(\d+\)", line)]
    assert len(rows) == 5
    for row in rows:
        for score in re.findall(r"\d+\.\d\d", row):
            assert f" {score} ±" in known, row
