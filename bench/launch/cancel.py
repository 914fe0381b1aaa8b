"""Takes cells out of the cluster's queue. Imports no torch."""

import subprocess
from collections.abc import Iterable

from bench.launch import slurm_queue
from bench.storage.store import Cell, Store
from bench.terminal.errors import UserError


def named_cells(store: Store, ablation: str | None, cell: str | None) -> list[Cell]:
    """The cells named on the command line.

    Raises:
        UserError: Neither a study nor a cell is named, or it does not exist.
    """
    if cell is not None:
        found = store.cell(cell)
        if not found.description():
            raise UserError(
                f"cell={cell}: {store.root} holds no such cell.", "`python -m bench.status` lists them."
            )
        return [found]
    if ablation is None:
        raise UserError("What should be cancelled is not named.", "Pass ablation=NAME or cell=ID.")
    rows = store.study(ablation, begun=True)["rows"]
    return [store.cell(id_) for id_ in dict.fromkeys(cell["id"] for row in rows for cell in row["cells"])]


def alive_jobs(cells: Iterable[Cell]) -> dict[str, str]:
    """The jobs of these cells that wait or run: cell id -> job id."""
    jobs = {cell.id: cell.job()["id"] for cell in cells if cell.job() and not cell.done}
    seen = slurm_queue.jobs(jobs.values())
    return {cell: id_ for cell, id_ in jobs.items() if seen[id_].alive}


def cancel(jobs: Iterable[str]) -> str | None:
    """Cancels jobs; returns why Slurm did not, if it did not."""
    words = ["scancel", *jobs]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"scancel: {error}. Run it by hand: {' '.join(words)}"
    return f"scancel: {done.stderr.strip()}" if done.returncode else None
