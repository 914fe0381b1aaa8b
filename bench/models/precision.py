"""In which number format models compute: float32, TF32 where the GPU has it, or bfloat16 beside float32 weights."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch

from bench.config.choices import Precision
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    from accelerate import Accelerator


def set_precision(precision: Precision) -> None:
    """Makes float32 products of this process exact, or TF32 where that is asked for and the GPU has it.

    torch itself would compute convolutions in TF32 and matrix products in float32.

    Raises:
        UserError: bfloat16 on a GPU that only emulates it.
    """
    if (
        precision == Precision.bf16
        and torch.cuda.is_available()
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        raise UserError(
            f"recipe.precision=bf16: {torch.cuda.get_device_name()} does not compute in bfloat16.",
            "Pass recipe.precision=float32, or use a GPU of compute capability 8.0 or more.",
        )
    torch.backends.cuda.matmul.allow_tf32 = precision == Precision.tf32
    torch.backends.cudnn.allow_tf32 = precision == Precision.tf32


def refuse_emulation(precision: Precision, device: str) -> None:
    """Stops where a CPU would compute bfloat16 slower than float32; GPUs are asked in `set_precision`.

    Raises:
        UserError: It would.
    """
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in known)
    if precision == Precision.bf16 and device == "cpu" and not native:
        raise UserError("precision=bf16: this CPU does not compute in bfloat16.", "Leave precision=float32.")


def computing(precision: Precision, device: str) -> AbstractContextManager[Any]:
    """What a forward pass runs in: autocast to bfloat16, or nothing."""
    return torch.autocast(device, torch.bfloat16) if precision == Precision.bf16 else nullcontext()


def running(accelerator: "Accelerator") -> Precision:
    """In what this process computes now: read off its settings, not off what was asked for."""
    if accelerator.mixed_precision == "bf16":
        return Precision.bf16
    return Precision.tf32 if torch.backends.cuda.matmul.allow_tf32 else Precision.float32
