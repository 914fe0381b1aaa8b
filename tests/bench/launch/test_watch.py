from dataclasses import replace

from rich.console import Console

from bench.launch.cell_status import CellStatus
from bench.launch.watch import MOST_LINES, lines, table

DONE = CellStatus("full", "FIAM", "synthetic", 0, "0" * 12, "done", epochs=3, mIoU=30.0)


def cells(count: int) -> list[CellStatus]:
    return [replace(DONE, seed=seed, id=f"{seed:012}", mIoU=30.0 + 2 * (seed % 2)) for seed in range(count)]


def test_every_cell_of_a_small_study_has_its_line() -> None:
    assert [len(alike) for alike in lines(cells(MOST_LINES))] == [1] * MOST_LINES


def test_cells_of_a_row_that_nothing_tells_apart_share_a_line_in_a_large_study() -> None:
    many = cells(1000)
    many[4] = replace(many[4], state="failed", cause="out of memory")
    many[7] = replace(many[7], state="running", epoch=1.5)
    many[8] = replace(many[8], state="running", epoch=0.5)
    assert [len(alike) for alike in lines(many)] == [997, 1, 1, 1]
    console = Console(width=140)
    with console.capture() as shown:
        console.print(table("study: 997 done", many))
    assert "0 to 999 │ 997 cells" in shown.get()
    assert "mean 31.00" in shown.get()
    assert "out of memory" in shown.get()
