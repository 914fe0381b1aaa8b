"""Sentences in a scene that may be larger than what the model reads at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.images.scene import HeldScene, Scene
from bench.inference.asked import Outlines, Tiling
from bench.inference.merged import Merger, whole
from bench.inference.outputs import write_prediction
from bench.inference.parts import find_parts
from bench.inference.position import Sentence, sentence_for
from bench.inference.predictor import Prediction, Predictor

Progress = Callable[[int, int], None]


def predict_scene(
    predictor: Predictor,
    scene: Scene,
    texts: Sequence[str],
    stems: Sequence[Path],
    tiling: Tiling,
    outlines: Outlines,
    *,
    batch_size: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Predicts sentences in a scene, in windows where it does not fit into one, and writes their files.

    Args:
        predictor: The model.
        scene: The image.
        texts: Sentences.
        stems: Folder and beginning of the names of the files, of each sentence.
        tiling: How windows are cut.
        outlines: How outlines are written.
        batch_size: Pairs of window and sentence predicted at once.
        progress: Called with windows done and in all.

    Returns:
        What `predictions.json` says of each sentence.

    Raises:
        UserError: Windows cannot be cut as asked, or a file cannot be read or written.
    """
    side = tiling.window(predictor.size, scene)
    if isinstance(scene, HeldScene) and scene.fits(side):
        return _at_once(predictor, scene, texts, stems, outlines, batch_size)
    sentences = [sentence_for(text, tiling.position, side, predictor.size) for text in texts]
    asked = [sentence.asked for sentence in sentences]
    strips = Merger(predictor, scene, asked, side, tiling.overlap, batch_size, progress).strips()
    if isinstance(scene, HeldScene):
        records = [
            _write(stem, scene, sentence, found, outlines)
            for stem, sentence, found in zip(stems, sentences, whole(strips), strict=True)
        ]
    else:
        from bench.inference.scene_files import write_scene

        records = write_scene(stems, scene, sentences, strips, outlines)
    return [record | {"window": side} for record in records]


def _at_once(
    predictor: Predictor,
    scene: HeldScene,
    texts: Sequence[str],
    stems: Sequence[Path],
    outlines: Outlines,
    batch_size: int,
) -> list[dict[str, Any]]:
    """Sentences in a scene that fits into one window: as without windows."""
    records = []
    for start in range(0, len(texts), batch_size):
        some = slice(start, start + batch_size)
        found = predictor([(scene.picture, text) for text in texts[some]])
        records += [
            write_prediction(stem, scene.picture, text, each, outlines)
            for stem, text, each in zip(stems[some], texts[some], found, strict=True)
        ]
    return records


def _write(
    stem: Path, scene: HeldScene, sentence: Sentence, found: Prediction, outlines: Outlines
) -> dict[str, Any]:
    """The files of one sentence in a scene that is held in memory."""
    parts, notes = sentence.decide(find_parts(found.mask, found.probability), scene)
    (labels,) = parts.labels([found.mask])
    kept = replace(found, mask=np.asarray(labels > 0))
    return write_prediction(stem, scene.picture, sentence.text, kept, outlines, notes)
