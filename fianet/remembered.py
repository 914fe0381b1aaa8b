"""Features of a text encoder of which nothing trains: computed once, then read from memory."""

import torch
from torch import Tensor

from fianet.text import TextEncoder

MOST_BYTES = 2**30  # 15,900 phrases of 22 tokens of BERT-base; what comes later is computed each time


class Remembered:
    """Stands in for a frozen encoder's `encode`.

    A row of ids and mask is computed alone, in float32 whatever the rest runs in, so that its features are the same
    bytes in every batch, epoch and process, whether they were kept or not. Each process keeps its own, on the host.

    Args:
        text: The encoder. Its weights may be replaced by `load_state_dict`, which forgets what others gave.
        most_bytes: How much is kept.
    """

    def __init__(self, text: TextEncoder, most_bytes: int = MOST_BYTES) -> None:
        self.text, self.encode = text, text.encode
        self.room = self.most_bytes = most_bytes
        self.rows: dict[bytes, Tensor] = {}
        text.register_load_state_dict_pre_hook(self._replaced)

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        """As `TextEncoder.encode`; no gradient."""
        rows = torch.stack((ids, mask), dim=1).cpu()
        return torch.stack([self._row(row, ids.device) for row in rows]).to(ids.device)

    def _row(self, row: Tensor, device: torch.device) -> Tensor:
        key = row.numpy().tobytes()
        if key in self.rows:
            return self.rows[key]
        # no inference tensor: one that an evaluation kept must serve the next training step
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
            ids, mask = row.clone().to(device)[:, None]
            features = self.encode(ids, mask)[0].cpu()
        if features.nbytes <= self.room:
            self.rows[key] = features
            self.room -= features.nbytes
        return features

    def _replaced(self, text: TextEncoder, state: dict[str, Tensor], prefix: str, *others: object) -> None:
        own = text.state_dict()
        same = all(
            prefix + name in state and torch.equal(value, state[prefix + name].to(value))
            for name, value in own.items()
        )
        if not same:
            self.rows.clear()
            self.room = self.most_bytes


def remember(text: TextEncoder) -> None:
    """Makes an encoder compute every phrase once, where nothing of it trains; others stay as they are."""
    if text.frozen:
        text.encode = Remembered(text)  # type: ignore[method-assign]
