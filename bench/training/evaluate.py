"""Scores a model on one split: one line per expression, from which every table and figure follows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from pycocotools import mask as rle
from torch import Tensor, nn
from torch.nn import functional as F

from bench.config.schema import EvalSize
from bench.data.dataset import ReferringDataset, loader
from bench.models.inputs import TEXT, normalize
from bench.storage import metrics
from bench.training import distributed, interrupt


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    dataset: ReferringDataset,
    accelerator: Accelerator,
    *,
    size: EvalSize,
    batch_size: int,
    workers: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Predicts every expression of a data set and compares with the truth.

    Args:
        model: In any mode; left in eval mode. Not the wrapper that several processes train: they predict a share each.
        dataset: The split to score.
        accelerator: Decides device and precision.
        size: `resized` masks (as all four papers) or `native` size.
        batch_size: Expressions predicted at once.
        workers: Loading processes.
        progress: Called with expressions done and in all, of this process; `Interrupted` from it ends all of them.

    Returns:
        One row per expression, in the data set's order: ref_id, image_id, category, sentence, intersection, union
        (pixels), iou (0..1), mask_area (pixels of the truth), height, width (evaluation size) and prediction
        (COCO RLE counts).

    Raises:
        Interrupted: `progress` of a process said so.
    """
    model.eval()
    rows: list[dict[str, Any]] = []
    own = distributed.part(range(len(dataset)), accelerator)
    asked = False
    try:
        for batch in loader(dataset, batch_size, own, workers):
            with accelerator.autocast():
                images = normalize(batch["image"].to(accelerator.device))
                logits = model(images, *(batch[name].to(accelerator.device) for name in TEXT)).float()
            for index, each, target in zip(batch["index"].tolist(), logits, batch["target"], strict=True):
                rows.append(_compare(dataset, index, each, target.numpy().astype(bool), size))
            progress(len(rows), len(own))
    except interrupt.Interrupted:
        asked = True
    if any(distributed.totals(accelerator, asked)):  # all end together: none waits for the rows of another
        interrupt.check(beside=True)
    everyones: list[Any] = distributed.gathered(rows)
    return pd.DataFrame(everyones)


def _compare(
    dataset: ReferringDataset, index: int, logits: Tensor, resized: np.ndarray, size: EvalSize
) -> dict[str, Any]:
    """One expression's line: `logits` (2,S,S) against its truth."""
    reference = dataset.references[index]
    truth = resized
    if size == EvalSize.native:
        truth = reference.mask.read()
        logits = F.interpolate(logits[None], size=truth.shape, mode="bilinear", align_corners=False)[0]
    predicted = (logits[1] > logits[0]).cpu().numpy()
    intersection, union = int((predicted & truth).sum()), int((predicted | truth).sum())
    return {
        "ref_id": reference.ref_id,
        "image_id": reference.image_id,
        "category": reference.category,
        "sentence": reference.sentence,
        "intersection": intersection,
        "union": union,
        "iou": float(metrics.iou([intersection], [union])[0]),
        "mask_area": int(truth.sum()),
        "height": truth.shape[0],
        "width": truth.shape[1],
        "prediction": rle.encode(np.asfortranarray(predicted, dtype=np.uint8))["counts"].decode(),
    }


def scores(samples: pd.DataFrame) -> dict[str, float]:
    """The field's scores of `evaluate`'s rows, in percent."""
    return metrics.score(samples["intersection"].to_numpy(), samples["union"].to_numpy())
