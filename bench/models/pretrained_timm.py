"""Pretrained weights for a backbone of timm: timm's own files, and others with the same weights in the same order."""

import timm
import torch

from bench.models.pretrained import locate_encoder
from bench.models.read_weights import State, listing, load_into, read_encoder_state
from bench.terminal.errors import UserError
from fianet.timm_encoder import TimmEncoder

COUNTER = "num_batches_tracked"  # of batch norms; files may lack it, and nothing of ours reads it


def load_timm(encoder: TimmEncoder, name: str, source: str) -> None:
    """Fills a backbone with weights pretrained for classification; the norms of the maps stay as initialised.

    Names in the file are timm's, or all weights of the whole model, head included, stand there in timm's order.

    Args:
        encoder: The backbone.
        name: In timm.
        source: A file or the name of a timm model with its weights.

    Raises:
        UserError: Nothing to load at `source`, or weights of another model.
    """
    state = read_encoder_state(locate_encoder(source), source)
    what = f"model.encoder.pretrained={source}:"
    remedy = f"Pass weights of {name}: a file of timm, or {name} itself, which the hub has where it has some."
    if not any(key in state for key in encoder.timm_names.values()):
        state = _in_order(state, name, what, remedy)
    own = encoder.state_dict()
    loaded: State = {}
    problems = []
    for ours, theirs in encoder.timm_names.items():
        if theirs not in state:
            if not theirs.endswith(COUNTER):
                problems.append(f"{theirs} missing")
            continue
        loaded[ours] = state[theirs]
        if loaded[ours].shape != own[ours].shape:
            problems.append(f"{theirs} is {tuple(loaded[ours].shape)}, not {tuple(own[ours].shape)}")
    if problems:
        raise UserError(f"{what} does not fit {name}: {listing(problems, 3)}.", remedy)
    load_into(encoder, own | loaded, source)


def _in_order(state: State, name: str, what: str, remedy: str) -> State:
    """The weights under timm's names, where the file has other names for the same weights in the same order."""
    with torch.device("meta"):
        whole = timm.create_model(name).state_dict()
    if len(state) != len(whole):
        raise UserError(
            f"{what} has other names than {name}, and {len(state)} weights, not {len(whole)}.", remedy
        )
    for (theirs, value), (key, wanted) in zip(state.items(), whole.items(), strict=True):
        if value.shape != wanted.shape or theirs.rpartition(".")[2] != key.rpartition(".")[2]:
            raise UserError(
                f"{what} has other names than {name}, and another order: {theirs} is {tuple(value.shape)} where "
                f"{key} is {tuple(wanted.shape)}.",
                remedy,
            )
    return dict(zip(whole, state.values(), strict=True))
