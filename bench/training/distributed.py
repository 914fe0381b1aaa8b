"""Several processes that train one cell together: who they are, and what they agree on beside gradients.

The launcher puts RANK, WORLD_SIZE, LOCAL_RANK and where they meet (`team`) into their environment, as for any torch
program; accelerate does the rest. Process 0 alone holds the cell's lock and writes files. Alone, nothing here does
anything. Imports torch only when there is somebody to talk to.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from bench.config.choices import Precision
from bench.config.schema import RecipeConfig
from bench.terminal.errors import one_line
from bench.training.team import Team, meet

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor, nn

_T = TypeVar("_T")
_team: Team | None = None


def processes() -> int:
    """How many processes train this cell together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def begin(go: bool) -> bool:
    """Tells every process whether process 0 got the cell; what another process passes does not matter.

    Args:
        go: In process 0, whether to train.

    Returns:
        Whether to train.
    """
    global _team
    if processes() == 1:
        return go
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if _team is None:
        store, cuda = meet(rank(), processes()), torch.cuda.is_available()
        torch.distributed.init_process_group(
            "nccl" if cuda else "gloo", store=store, rank=rank(), world_size=processes()
        )
        PartialState(cpu=not cuda)
        _team = Team(store, rank(), processes())
    (answer,) = broadcast_object_list([go])
    return bool(answer)


def watch(record: Callable[[str], None]) -> None:
    """Ends this process when another one leaves; `record` is told why before."""
    if _team:
        _team.watch(record)


def leave(cause: str, fault: bool = True) -> None:
    """Tells the others that this process leaves them early and why; without `fault` they end without an error."""
    if _team:
        _team.leave(cause, fault)


def left() -> str | None:
    """Which process left early and why; None while all are there, and alone."""
    return _team.left() if _team else None


def over() -> bool:
    """Whether somebody left, so that this process can train nothing any more."""
    return _team is not None and _team.over


def cause(error: BaseException) -> str:
    """What is to blame for an error, in a line: where a connection broke, what its other end said before."""
    if _team is None:
        return one_line(error)
    import torch

    broken = type(error) is RuntimeError or isinstance(error, torch.distributed.DistError)
    return (broken and left()) or one_line(error)


def ask() -> None:
    """Asks all processes to end together: a signal was noted here."""
    if _team:
        _team.ask()


def asked() -> bool:
    """Whether a process asked for that."""
    return _team is not None and _team.asked()


def end() -> None:
    """Lets the others leave, where process 0 never got as far as `begin`, and closes the connection."""
    if processes() == 1:
        return
    if rank() == 0 and _team is None:
        begin(False)
    if _team:
        _team.end()
    import torch

    if torch.distributed.is_initialized() and not over():  # with one missing, closing would wait for it
        torch.distributed.destroy_process_group()


def make_accelerator(precision: Precision) -> "Accelerator":
    """Device and precision; processes joined where there are several.

    Raises:
        UserError: A precision that this GPU does not compute in.
    """
    import torch
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    from bench.models.allocator import keep_memory
    from bench.models.precision import set_precision

    set_precision(precision)
    keep_memory()
    AcceleratorState._reset_state()  # the cell before this one in this process may have had another precision
    return Accelerator(
        mixed_precision="bf16" if precision == Precision.bf16 else "no",
        cpu=processes() > 1 and not torch.cuda.is_available(),
        kwargs_handlers=[
            DistributedDataParallelKwargs(
                find_unused_parameters=True,  # FIANet's last alignment gets no gradient, as published
                broadcast_buffers=False,  # `share_buffers` does it once an epoch, when somebody reads them
                gradient_as_bucket_view=True,
            )
        ],
    )


def synchronise_norms(model: "nn.Module", accelerator: "Accelerator") -> "nn.Module":
    """Batch norms that see the whole batch on GPUs; on CPUs, which have none such, says that they see a part each."""
    if accelerator.num_processes == 1:
        return model
    from timm.layers import convert_sync_batchnorm
    from torch import nn

    if accelerator.device.type == "cuda":
        return convert_sync_batchnorm(
            model
        )  # torch's would drop the activations that timm's batch norms hold
    if accelerator.is_main_process and any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()
    ):
        print(
            f"warning: batch norm has no synchronised form on CPUs: each of {accelerator.num_processes} processes "
            "normalises its own part of a batch, and scores differ from those of one process.",
            flush=True,
        )
    return model


def share_buffers(model: "nn.Module", accelerator: "Accelerator") -> None:
    """Gives every process the running statistics of process 0, whose weights are the ones that are kept."""
    if accelerator.num_processes > 1:
        import torch

        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


def totals(accelerator: "Accelerator", *values: float) -> tuple[float, ...]:
    """Each value, summed over the processes."""
    return values if accelerator.num_processes == 1 else tuple(_reduced(accelerator, values).tolist())


def promised_totals(accelerator: "Accelerator", *values: float) -> "tuple[float | Tensor, ...]":
    """`totals` that nobody waits for: with several processes float64 scalars on the device."""
    return values if accelerator.num_processes == 1 else _reduced(accelerator, values).unbind()


def _reduced(accelerator: "Accelerator", values: Sequence[float]) -> "Tensor":
    import torch

    own = torch.tensor(values, dtype=torch.float64).to(accelerator.device, non_blocking=True)
    summed: Tensor = accelerator.reduce(own, "sum")
    return summed


def gathered(rows: list[_T]) -> list[_T]:
    """The rows of all processes, those of process 0 first."""
    from accelerate.utils import gather_object

    found: list[_T] = gather_object(rows)
    return found


def part(items: Sequence[_T], accelerator: "Accelerator") -> Sequence[_T]:
    """This process's consecutive share: everything is somebody's, once."""
    count, index = accelerator.num_processes, accelerator.process_index
    return items[len(items) * index // count : len(items) * (index + 1) // count]


def part_of_batches(order: Sequence[int], recipe: RecipeConfig, accelerator: "Accelerator") -> list[int]:
    """This process's share of every batch, batch after batch."""
    starts = range(0, len(order), recipe.batch_size)
    return [
        index for start in starts for index in part(order[start : start + recipe.batch_size], accelerator)
    ]
