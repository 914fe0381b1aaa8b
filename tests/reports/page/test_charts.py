from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.storage.store import Store
from reports.page.chart_theme import library
from reports.page.charts import main_charts, other_charts
from reports.statistics.evidence import weigh
from reports.statistics.frame import read_frame
from reports.statistics.samples import read_samples
from tests.reports.page.test_study_page import embedded, page_of

pytestmark = pytest.mark.usefixtures("unfigured")
StudyMaker = Callable[..., Store]


def specs_of(store: Store) -> dict[str, dict[str, object]]:
    """Title to specification of every chart of the study."""
    frame = read_frame(store, "fiam")
    samples = {
        (dataset, split): found
        for dataset in frame.datasets
        for split, found in read_samples(store, frame, dataset).items()
    }
    evidence = weigh(frame, samples)
    charts = [*main_charts(frame, evidence), *other_charts(store, frame, evidence, samples)]
    return {chart.title: chart.spec for chart in charts}


def colors_of(spec: object) -> list[list[str]]:
    """The range of every scale of colours in a specification."""
    if isinstance(spec, list):
        return [found for part in spec for found in colors_of(part)]
    if not isinstance(spec, dict):
        return []
    mine = [spec["color"]["scale"]["range"]] if "scale" in spec.get("color", {}) else []
    return mine + [found for part in spec.values() for found in colors_of(part)]


def test_every_chart_there_are_numbers_for_is_drawn_in_the_same_colours(make_study: StudyMaker) -> None:
    specs = specs_of(make_study(seeds=(0, 1)))
    assert list(specs) == [
        "mIoU on synthetic, test",
        "mIoU against FIAM",
        "Precision against IoU threshold",
        "IoU against object size",
        "Categories",
        "mIoU on the selecting split",
        "Training loss",
    ]
    colors = [found for spec in specs.values() for found in colors_of(spec)]
    assert len(colors) >= len(specs)
    assert all(found == [f"var(--row-{place})" for place in range(4)] for found in colors)


def test_a_study_without_a_finished_cell_has_no_chart(make_study: StudyMaker) -> None:
    missing = {(key, 0): {"state": "queued"} for key in ("blind", "pwam", "object", "full")}
    assert specs_of(make_study(seeds=(0,), missing=missing)) == {}


def test_one_seed_has_no_rings_of_seeds(make_study: StudyMaker) -> None:
    several, one = (specs_of(make_study(seeds=seeds))["mIoU on synthetic, test"] for seeds in ((0, 1), (0,)))
    assert len(str(several["layer"])) > len(str(one["layer"]))
    assert "seed" not in str(one["layer"])


def test_the_library_is_one_script_that_ends_no_element() -> None:
    script = library()
    assert "vegaEmbed" in script
    assert "</script" not in script
    assert "<!--" not in script
    assert script == library()


def test_axes_span_all_rows_whatever_the_legend_hides(make_study: StudyMaker) -> None:
    for title, spec in specs_of(make_study(seeds=(0, 1))).items():
        scales = [found["scale"] for found in axes_of(spec["layer"]) if found["type"] == "quantitative"]
        assert scales, title
        assert all("domain" in scale for scale in scales), title


def axes_of(layers: object) -> list[dict[str, Any]]:
    """Every x and y of a column."""
    assert isinstance(layers, list)
    drawn = [layer["encoding"].get(axis, {}) for layer in layers for axis in "xy"]
    return [found for found in drawn if "field" in found]


def test_labels_and_categories_are_data_of_charts_and_never_part_of_an_expression(
    make_study: StudyMaker, tmp_path: Path
) -> None:
    evil = "'];alert(1)//${datum}"
    rows = ({"key": "a", "label": evil}, {"key": "full", "label": "FIAM"})
    store = make_study(rows=rows, expect=[])
    for cell in store.cells():
        samples = cell.samples()
        assert samples is not None
        cell.write_samples(samples.assign(category=evil))
    specs = embedded(page_of(store, tmp_path / "out"), "specs")
    assert isinstance(specs, list)
    assert len(specs) > 5
    expressions = [text for spec in specs for text in expressions_of(spec)]
    assert expressions
    assert not any("alert" in text for text in expressions)
    assert any(evil in param.get("value", ()) for spec in specs for param in spec["params"])


def expressions_of(spec: object) -> list[str]:
    """Every text of a specification that Vega evaluates."""
    if isinstance(spec, list):
        return [text for part in spec for text in expressions_of(part)]
    if not isinstance(spec, dict):
        return []
    named = ("expr", "filter", "calculate", "labelExpr", "test", "update")
    mine = [str(spec[name]) for name in named if name in spec]
    return mine + [text for part in spec.values() for text in expressions_of(part)]
