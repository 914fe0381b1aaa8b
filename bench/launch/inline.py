"""One cell after the other in this process: for tests and debugging."""

from bench.config.schema import LauncherConfig
from bench.storage.cell import Cell


def launch(cells: list[Cell], config: LauncherConfig, planned: int) -> None:
    """Runs the cells in order; one that another process holds is waited for.

    Args:
        cells: What is missing.
        config: Launcher settings.
        planned: How many cells the whole plan has (not used here).
    """
    from bench.training.cell import run_cell

    for cell in cells:
        while not run_cell(cell, config.checkpoint_seconds):
            with cell.lock(wait=True):
                pass
