"""Takes cells out of the cluster's queue. Imports no torch."""

from collections.abc import Iterable

from bench.launch import slurm_intents, slurm_queue
from bench.storage.cell import Cell
from bench.storage.files import locked
from bench.storage.store import Store
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError


def named_cells(store: Store, ablation: str | None, cell: str | None) -> list[Cell]:
    """The cells named on the command line.

    Raises:
        UserError: Neither a study nor a cell is named, or it does not exist.
    """
    if cell is not None:
        found = store.cell(cell)
        if not found.path.is_dir():
            raise UserError(
                f"cell={cell}: {store.root} holds no such cell.",
                f"`{command_line('bench.status', *store.words)}` lists them.",
            )
        return [found]
    if ablation is None:
        raise UserError("What should be cancelled is not named.", "Pass ablation=NAME or cell=ID.")
    rows = store.study(ablation, begun=True)["rows"]
    return [store.cell(id_) for id_ in dict.fromkeys(cell["id"] for row in rows for cell in row["cells"])]


def alive_jobs(store: Store, cells: Iterable[Cell]) -> dict[str, str]:
    """The jobs of these cells that wait or run: cell id -> job id. Those of a killed submitter are found first.

    Raises:
        UserError: Cells may have a job that nobody can name while Slurm does not answer.
    """
    cells = list(cells)
    if any(slurm_intents.intents(store)):
        with locked(store.root.resolve() / "slurm" / "lock"):
            unknown = slurm_intents.adopt(store).unknown
        if {cell.id for cell in cells} & {cell.id for cell in unknown}:
            raise UserError(
                "A submission of these cells was interrupted, and Slurm does not tell which job it made.",
                f"Try again, or look for it with `squeue --name={slurm_intents.NAME}`.",
            )
    jobs = {cell.id: id_ for cell in cells if not cell.done and (id_ := cell.job().get("id"))}
    seen = slurm_queue.jobs(jobs.values())
    return {cell: id_ for cell, id_ in jobs.items() if seen[id_].alive}


def cancel(jobs: Iterable[str]) -> str | None:
    """Cancels jobs; returns why Slurm did not, if it did not."""
    return slurm_queue.tell(["scancel", *jobs])
