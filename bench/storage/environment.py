"""What a cell's numbers were made with."""

import platform
import socket
from typing import Any


def environment(device: str, precision: str, processes: int = 1) -> dict[str, Any]:
    """What the numbers were made with: versions, machine, processes and threads, commit."""
    import accelerate
    import timm
    import torch
    import transformers

    from bench.storage import snapshot

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else platform.processor() or platform.machine(),
        "device_type": device,
        "precision": precision,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "host": socket.gethostname(),
        "commit": snapshot.commit(),
        "code": snapshot.digest(),
    }
