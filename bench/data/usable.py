"""Which references training may use: everything the audit does not refuse. Imports no torch."""

from collections.abc import Sequence

from bench.config.schema import DataConfig
from bench.data.audit import audit_errors
from bench.data.facts import Progress
from bench.data.index import read_index
from bench.data.reference import SPLITS, Reference
from bench.data.source import source, words
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError


def usable_references(
    data: DataConfig, progress: Progress = lambda done, total: None, needed: Sequence[str] = SPLITS
) -> tuple[dict[str, tuple[Reference, ...]], dict[str, int]]:
    """The references of each split that can be used, and how many were left out.

    Args:
        data: The set; `skip_errors` says whether references with errors may be left out.
        progress: Called with files read and in all, where the set was not looked at before.
        needed: The splits that must hold something.

    Raises:
        UserError: The set has errors and `skip_errors` is not set, or a split that is needed holds nothing.
    """
    refused = audit_errors(data, progress)
    if refused and not data.skip_errors:
        raise UserError(
            f"{source(data)}: {len(refused)} samples cannot be used (first: {refused[min(refused)]}).",
            f"Run `{command_line('bench.check', *words(data))}` for the list, "
            "or pass data.skip_errors=true to leave them out.",
        )
    index = read_index(data)
    usable = {split: tuple(r for r in index.split(split) if r.ref_id not in refused) for split in SPLITS}
    for split in needed:
        if not usable[split]:
            raise UserError(
                f"{source(data)}: no reference can be used in split {split}.", "Pass a complete set."
            )
    return usable, {split: len(index.split(split)) - len(usable[split]) for split in SPLITS}
