"""Looks into a model's FIAM: where the context reads the object words, what object and position words add.

Fused attention kernels give no weights away: they are computed again, beside the model's forward, for a few sentences.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bench.config.compose import restore
from bench.data.dataset import ReferringDataset, loader
from bench.data.sets import open_sets
from bench.data.source import source
from bench.models.export import from_cell
from bench.models.inputs import TEXT, normalize
from bench.models.vocabulary import configured_tokenizer
from bench.storage.attention_maps import EXAMPLES, KINDS, OBJECT, POSITION, Maps
from bench.storage.store import Store
from bench.terminal.errors import UserError
from fianet.fiam import FIAM
from fianet.text import Phrase, Sentence
from fianet.tokens import Tokenizer


def fiams(model: nn.Module) -> list[FIAM]:
    """A model's FIAM from the first stage to the last; none in most models."""
    return [module for module in model.modules() if isinstance(module, FIAM)]


def align_cell(store: Store, cell_id: str, count: int) -> Maps:
    """The maps of a finished cell's best model, for `count` expressions of its test split.

    Raises:
        UserError: No such cell, not finished, no FIAM in it, or its data are gone, changed or have no such sentences.
    """
    model, cell = from_cell(store, cell_id).model, store.cell(cell_id)
    config = restore(cell.config())
    config.protocol.also = []  # of further sets nothing is drawn
    if not fiams(model):
        raise UserError(
            f"cell={cell_id}: model.fusion={config.model.fusion} does not tell object and position words apart.",
            "Choose a cell with model.fusion=fiam or fiam_direct.",
        )
    tokenizer = configured_tokenizer(config)
    dataset = open_sets(config, tokenizer).splits["test"]
    samples = cell.samples()
    tested = None if samples is None else samples[samples["split"] == "test"].reset_index(drop=True)
    known = [(each.ref_id, each.sentence) for each in dataset.references]
    if tested is None or known != list(zip(tested["ref_id"], tested["sentence"], strict=True)):
        raise UserError(
            f"{source(config.data)}: not the data set that cell {cell_id} was scored on.",
            "Put that one back.",
        )
    maps = measure_alignment(model, dataset, tokenizer, tested, count)
    if maps is None:
        raise UserError(
            f"cell={cell_id}: no test sentence has both object and position words.",
            "There is nothing to compare.",
        )
    return maps


def measure_alignment(
    model: nn.Module,
    dataset: ReferringDataset,
    tokenizer: Tokenizer,
    samples: pd.DataFrame,
    count: int = EXAMPLES,
) -> Maps | None:
    """What every FIAM of a model does with a few expressions.

    Args:
        model: Left in eval mode.
        dataset: The test split.
        tokenizer: That of `dataset`.
        samples: How `dataset` was scored, line by line.
        count: Expressions to measure.

    Returns:
        None where the model has no FIAM, or no sentence has object and position words.
    """
    if not fiams(model):
        return None
    everything, named, placed = (dataset.tokens[f"{kind}_mask"] for kind in KINDS)
    # a sentence without such words has the whole sentence in their place
    both = (named != everything).any(axis=1) & (placed != everything).any(axis=1)
    several = both & (named.sum(axis=1) > 1)  # one piece is gathered everywhere alike: normalised away
    ranked = several if several.any() else both
    chosen = choose(samples[ranked], count)
    if not chosen:
        return None
    places = [place for _, place in chosen]
    return Maps(
        ref_ids=np.array([dataset.references[place].ref_id for place in places]),
        ranks=np.array([rank for rank, _ in chosen]),
        ranked=int(ranked.sum()),
        silent=int((both & ~ranked).sum()),
        words=_words(dataset, tokenizer, places),
        stages=stages(model.eval(), dataset, places),
    )


def choose(samples: pd.DataFrame, count: int) -> list[tuple[int, int]]:
    """Rank by IoU (from 1) and index of the middle expression of each of `count` equal parts, no image twice."""
    order = samples.sort_values("iou", ascending=False, kind="stable")
    ranks = np.arange(len(order))
    chosen: dict[str, tuple[int, int]] = {}  # by image
    for part in range(count):
        middle = (part + 0.5) * len(order) / count - 0.5
        for rank in np.argsort(np.abs(ranks - middle), kind="stable"):
            if (image := order["image_id"].iloc[rank]) not in chosen:
                chosen[image] = (int(rank) + 1, int(order.index[rank]))
                break
    return sorted(chosen.values())


@torch.inference_mode()
def stages(model: nn.Module, dataset: ReferringDataset, places: Sequence[int]) -> dict[str, list[np.ndarray]]:
    """The maps (E,H,W) of every stage by kind, as in `Maps`, of a model in eval mode."""
    device = next(model.parameters()).device
    calls: list[tuple[FIAM, Tensor, Sentence]] = []
    hooks = [
        fiam.register_forward_hook(lambda module, given, _: calls.append((module, *given)))
        for fiam in fiams(model)
    ]
    found: dict[str, list[list[np.ndarray]]] = {}
    try:
        for batch in loader(dataset, 1, places, workers=0):
            calls.clear()
            model(normalize(batch["image"].to(device)), *(batch[name].to(device) for name in TEXT))
            for stage, call in enumerate(calls):
                for kind, values in read(*call, batch["object_mask"].to(device)).items():
                    each = found.setdefault(kind, [[] for _ in calls])
                    each[stage].append(values[0].float().cpu().numpy())
    finally:
        for hook in hooks:
            hook.remove()
    return {kind: [np.stack(stage) for stage in each] for kind, each in found.items()}


def read(fiam: FIAM, x: Tensor, sentence: Sentence, named: Tensor) -> dict[str, Tensor]:
    """What each phrase does at each position of one stage, in float32 whatever the forward pass ran in.

    Args:
        fiam: In eval mode.
        x: (B,H,W,C) what it was given.
        sentence: And the phrases.
        named: (B,N) 1 on the object words.

    Returns:
        (B,H,W) by kind, as in `Maps`.
    """
    x = x.float()
    sentence = {name: Phrase(phrase.features.float(), phrase.mask) for name, phrase in sentence.items()}
    with torch.autocast(x.device.type, enabled=False):
        return _read(fiam, x, sentence, named)


def _read(fiam: FIAM, x: Tensor, sentence: Sentence, named: Tensor) -> dict[str, Tensor]:
    weights = fiam.context.attention.weights(x.flatten(1, 2), sentence["context"]).mean(dim=1)
    found = {"context": (weights * named[:, None]).sum(dim=-1).unflatten(1, x.shape[1:3])}
    branches = dict(fiam.alignment.named_children())
    if "object" in branches:
        found["object"] = branches["object"](x, sentence).norm(dim=-1)
    if "position" in branches:
        found["position"] = branches["position"](x, sentence)[..., 0]
    return found


def _words(dataset: ReferringDataset, tokenizer: Tokenizer, places: Sequence[int]) -> np.ndarray:
    """Which characters the model takes for object and position words, as in `Maps`."""
    sentences = [dataset.references[place].sentence for place in places]
    words = np.zeros((len(places), max(map(len, sentences))), np.uint8)
    for line, place, sentence in zip(words, places, sentences, strict=True):
        for bit, kind in ((OBJECT, "object"), (POSITION, "position")):
            marked = dataset.tokens[f"{kind}_mask"][place][1:]  # after [CLS]
            for (start, end), inside in zip(tokenizer.pieces(sentence), marked, strict=False):
                line[start:end] |= bit * int(inside)
    return words
