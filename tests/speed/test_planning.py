"""What happens before and beside training: plans, status, reports."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bench.config.request import Request
from bench.data.scored_scenes import read_scenes
from bench.launch.cell_status import study_status
from bench.launch.estimate import dry_run
from bench.storage.store import Store
from bench.study.prepare import prepare
from reports import write_report
from tests.speed.conftest import Speed, interpreting

ROWS = """
title: Four rows
reference: full
rows:
  blind: {label: Blind, model: {fusion: none, neck: none}}
  pwam: {label: PWAM, model: {fusion: pwam}}
  direct: {label: Direct, model: {fusion: fiam_direct}}
  full: {label: FIAM}
"""
CELLS = (100, 300, 1000)


def request(drawn: list[str], store: Path, cells: int) -> Request:
    """A study of four rows with as many seeds as it takes."""
    study = store.parent / "four.yaml"
    study.write_text(ROWS)
    seeds = ",".join(map(str, range(cells // 4)))
    return Request.parse([*drawn, f"ablation={study}", f"seeds=[{seeds}]", f"store={store}"])


@pytest.mark.parametrize("cells", CELLS)
def test_plan(speed: Speed, drawn: list[str], store: Path, cells: int) -> None:
    asked = request(drawn, store, cells)
    curve = {"size": cells, "axis": "cells", "items": cells, "unit": "cells"}
    speed(
        lambda: dry_run(prepare(asked)), "plan", f"{cells} cells", **curve, reference=interpreting, rounds=5
    )


@pytest.mark.parametrize("cells", CELLS)
def test_status(speed: Speed, drawn: list[str], store: Path, cells: int) -> None:
    plan = prepare(request(drawn, store, cells))
    plan.write("test")
    for cell in plan.stored():
        cell.write_history(
            [{"epoch": epoch, "loss": 1.0, "seconds": 3.0, "val": {"mIoU": 30.0}} for epoch in range(10)]
        )
        cell.write("env", {"device": "cpu", "code": "x"})
        cell.write("metrics", {"scores": {"test": {"mIoU": 30.0}}})
    known = Store(store)
    curve = {"size": cells, "axis": "cells", "items": cells, "unit": "cells"}
    speed(
        lambda: study_status(known, known.study(plan.study.name, begun=True)),
        "status",
        f"{cells} cells",
        **curve,
        reference=interpreting,
    )


def test_report(speed: Speed, make_study: Callable[..., Store], images: Path) -> None:
    made = make_study(seeds=(0, 1, 2))
    work = partial(write_report, made, "fiam", read_scenes, again=True)
    speed(work, "report", "4 rows, 3 seeds", reference=interpreting, rounds=1)


def test_report_without_figures(
    speed: Speed, make_study: Callable[..., Store], images: Path, unfigured: None
) -> None:
    made = make_study(seeds=tuple(range(20)))
    work = partial(write_report, made, "fiam", read_scenes, again=True)
    speed(work, "report", "4 rows, 20 seeds, no figures", reference=interpreting, rounds=3)
