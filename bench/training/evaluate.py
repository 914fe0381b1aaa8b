"""Scores a model on a split: one line per expression, from which every table and figure follows.

An image is read, and looked at as far as no word is needed, once for all its expressions.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from pycocotools import mask as rle
from torch import Tensor, nn
from torch.nn import functional as F

from bench.config.choices import EvalSize
from bench.data.dataset import ReferringDataset, joined
from bench.data.pictures import Pictures, picture_loader
from bench.models.inputs import TEXT, normalize
from bench.models.looked import looked
from bench.storage import metrics
from bench.training import distributed, interrupt

# at once on CPUs: four images of 480 px. Tensors beyond 32 MB come from the system, page by page, each time anew
CPU_PIXELS = 2**20


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
        batch_size: Of training. Twice as many expressions are predicted at once, as nothing is kept for a way back;
            fewer large ones on CPUs.
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
    pictures = Pictures(dataset)
    own = distributed.part(range(len(pictures)), accelerator)
    total = sum(len(pictures.places[number]) for number in own)
    most = 2 * batch_size
    if accelerator.device.type == "cpu":
        most = min(most, max(1, CPU_PIXELS // dataset.size**2))
    rows: list[tuple[int, dict[str, Any]]] = []
    asked = False
    try:
        for batch in picture_loader(pictures, own, most, workers):
            for part, logits in _predict(model, batch, accelerator, most):
                for index, each, target in zip(part["index"].tolist(), logits, part["target"], strict=True):
                    rows.append((index, _compare(dataset, index, each, target.numpy().astype(bool), size)))
                progress(len(rows), total)
    except interrupt.Interrupted:
        asked = True
    if any(distributed.totals(accelerator, asked)):  # all end together: none waits for the rows of another
        interrupt.check(beside=True)
    everyones = distributed.gathered(rows)
    return pd.DataFrame([row for _, row in sorted(everyones, key=lambda numbered: numbered[0])])


def evaluate_together(
    model: nn.Module, datasets: Mapping[str, ReferringDataset], accelerator: Accelerator, **how: Any
) -> dict[str, pd.DataFrame]:
    """Splits with the same images, each of which is read and looked at once for all of them.

    Args:
        model: As `evaluate` takes it.
        datasets: By split, all reading images in one way.
        accelerator: Likewise.
        how: The rest of what `evaluate` takes.

    Returns:
        The lines of each split.
    """
    samples = evaluate(model, joined(list(datasets.values())), accelerator, **how)
    frames: dict[str, pd.DataFrame] = {}
    start = 0
    for split, dataset in datasets.items():
        frames[split] = samples.iloc[start : start + len(dataset)].reset_index(drop=True)
        start += len(dataset)
    return frames


def _predict(
    model: nn.Module, batch: dict[str, Tensor], accelerator: Accelerator, most: int
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """A batch of images in parts of at most `most` expressions, each with its logits (E,2,S,S) in float32."""
    device = accelerator.device
    images = normalize(batch.pop("image").to(device))
    with accelerator.autocast():
        answers = looked(model, images)
    for start in range(0, len(batch["index"]), most):
        part = {name: each[start : start + most] for name, each in batch.items()}
        with accelerator.autocast():
            logits = answers(*(part[name].to(device) for name in ("place", *TEXT)))
        yield part, logits.float()


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
