"""Which references training may use: everything the audit does not refuse. Imports no torch."""

from bench.config.schema import DataConfig, Layout
from bench.data.audit import audit_errors
from bench.data.facts import Progress
from bench.data.index import read_index
from bench.data.reference import SPLITS, Reference
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import UserError


def usable_references(
    data: DataConfig, progress: Progress = lambda done, total: None
) -> tuple[dict[str, tuple[Reference, ...]], dict[str, int]]:
    """The references of each split that can be used, and how many were left out.

    Args:
        data: The set; `skip_errors` says whether references with errors may be left out.
        progress: Called with files read and in all, where the set was not looked at before.

    Raises:
        UserError: The set has errors and `skip_errors` is not set, or a split holds nothing.
    """
    refused = audit_errors(data, progress)
    if refused and not data.skip_errors:
        check = command_line("bench.check", f"data={Layout(data.layout)}", word("data.root", data.root))
        raise UserError(
            f"data.root={data.root}: {len(refused)} samples cannot be used (first: ref_id {min(refused)}).",
            f"Run `{check}` for the list, or pass data.skip_errors=true to leave them out.",
        )
    index = read_index(data)
    usable = {split: tuple(r for r in index.split(split) if r.ref_id not in refused) for split in SPLITS}
    for split, references in usable.items():
        if not references:
            raise UserError(
                f"data.root={data.root}: no reference can be used in split {split}.", "Pass a complete set."
            )
    return usable, {split: len(index.split(split)) - len(usable[split]) for split in SPLITS}
