import json
from pathlib import Path

import pytest

from bench.terminal.errors import UserError
from tests.speed.summary import (
    DOCS,
    MARKERS,
    RATIOS,
    Measured,
    as_ratios,
    compare,
    curves,
    exponent,
    kept_ratios,
    read,
    show,
    table,
    write,
)

CURVE = [
    Measured("step", f"{size} px", size**2 / 1000, size / 1000, 4, "images", size, "pixels")
    for size in (64, 128, 192)
]


def test_a_ratio_is_the_shortest_round_over_the_shortest_reference(tmp_path: Path) -> None:
    about = {
        "family": "plan",
        "case": "100 cells",
        "items": 100,
        "unit": "cells",
        "size": 100,
        "axis": "cells",
    }
    one = {"extra_info": about | {"reference": [0.02, 0.01]}, "stats": {"min": 0.12345}}
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"benchmarks": [one]}))
    assert read(path) == [Measured("plan", "100 cells", 12.3, 0.12345, 100, "cells", 100, "cells")]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"benchmarks": []}'])
def test_without_measurements_it_says_what_to_do(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bench.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="make bench"):
        read(path)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_ratios_that_cannot_be_read_are_no_reason_to_find_everything_new(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ratios.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="make bench-accept"):
        kept_ratios(path)


def test_the_exponent_of_a_power_law_is_found() -> None:
    assert exponent(CURVE) == pytest.approx(2)
    assert curves([*CURVE, Measured("resume", "tiny", 1, 1)]) == {"pixels": {"step": CURVE}}


def test_a_fifth_longer_is_bad_and_so_is_what_is_measured_no_more() -> None:
    kept = {"plan": {"a": 10.0, "b": 10.0, "gone": 1.0}}
    now = {"plan": {"a": 12.0, "b": 12.1, "new": 1.0}}
    changes = compare(now, kept)
    assert {one.case: (one.bad, one.said) for one in changes} == {
        "a": (False, "+20 %"),
        "b": (True, "+21 % worse"),
        "gone": (True, "not measured any more"),
        "new": (False, "new"),
    }
    assert show(changes).splitlines()[2] == "plan    b       10  12.1  +21 % worse"


def test_table_and_plot_show_every_benchmark(tmp_path: Path) -> None:
    write([Measured("resume", "tiny", 1234.5, 0.5), *CURVE], tmp_path)
    text = (tmp_path / "bench.md").read_text()
    assert "| resume | tiny | 1,234 | 500 |  |" in text
    assert "| step | 64 px | 4.1 | 64 | 62 images |" in text
    assert "step with pixels to the power 2.00" in text
    assert (tmp_path / "bench.png").stat().st_size > 5000


def test_docs_show_the_ratios_that_are_kept() -> None:
    kept = json.loads(RATIOS.read_text())
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    told = page[page.index(MARKERS[0]) : page.index(MARKERS[1])]
    ours = [Measured(family, case, ratio, 1) for family in kept for case, ratio in kept[family].items()]
    assert as_ratios(ours) == kept
    for one in ours:
        assert table([one]).splitlines()[-1].partition("| 1,000 |")[0] in told
