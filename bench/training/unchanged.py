"""Whether data and weights are still what a cell was planned with: a job may start hours later, or go on after days."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bench.config.further import further_data
from bench.config.schema import Config, named_weights
from bench.data.fingerprint import fingerprint
from bench.data.source import source
from bench.models.pretrained import encoder_digest, text_digest
from bench.terminal.errors import UserError

Content = Callable[[], str]


def check_unchanged(planned: Mapping[str, Any], config: Config) -> None:
    """Compares the content of everything a cell reads with its identity.

    Costs a look at the data's times where nothing changed, and reads the weights once.

    Args:
        planned: The cell's identity; what is not in it is not compared.
        config: The cell's configuration.

    Raises:
        UserError: Something changed since, or is gone.
    """
    for said, before, content in _contents(planned, config):
        if before is not None and content() != before:
            raise UserError(
                f"{said}: changed since this cell was planned; nothing was trained with it.",
                "Put back what was there, or run the command again: it plans anew with what is there now.",
            )


def _contents(planned: Mapping[str, Any], config: Config) -> list[tuple[str, str | None, Content]]:
    """What it is for people, what identified it, what identifies it now."""
    text, encoder = (named_weights(each.pretrained) for each in (config.model.text, config.model.encoder))
    model = planned.get("model", {})
    vocabulary = f"model.text.pretrained={text}" if text else "the shipped vocabulary"
    found: list[tuple[str, str | None, Content]] = [
        (
            source(config.data),
            planned.get("data", {}).get("fingerprint"),
            lambda: fingerprint(config.data),
        ),
        (
            vocabulary,
            planned.get("vocabulary", model.get("text", {}).get("pretrained")),
            lambda: text_digest(text),
        ),
    ]
    for data in further_data(config):
        before = planned.get("also", {}).get(data.name)
        found.append((f"protocol.also, {data.name} ({data.root})", before, partial(fingerprint, data)))
    if encoder is not None:
        before = model.get("encoder", {}).get("pretrained")
        found.append((f"model.encoder.pretrained={encoder}", before, lambda: encoder_digest(encoder)))
    if config.weights is not None:
        found.append((f"weights={config.weights}", planned.get("weights"), lambda: _scored(config)))
    return found


def _scored(config: Config) -> str:
    """What identifies the content of the weights that are scored; nothing where they are gone."""
    return text_digest(config.weights) if Path(str(config.weights)).exists() else ""
