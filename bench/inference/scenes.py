"""Sentences in a scene that may be larger than what the model reads at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.images.scene import HeldScene, Scene
from bench.inference.asked import Outlines, Tiling
from bench.inference.groups import sentence_groups
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
        UserError: Windows cannot be cut as asked, there is no memory for them, or the image cannot be read.
        NotWritten: A file cannot be written.
    """
    side = tiling.window(predictor.size, scene)
    if isinstance(scene, HeldScene) and scene.fits(side):
        return _at_once(predictor, scene, texts, stems, outlines, batch_size)
    sentences = [sentence_for(text, tiling.position, side, predictor.size) for text in texts]
    records = []
    groups = sentence_groups(scene, side, len(texts))
    for number, some in enumerate(groups):
        asked = [sentence.asked for sentence in sentences[some]]
        told = partial(_told, progress, number, len(groups))
        strips = Merger(predictor, scene, asked, side, tiling.overlap, batch_size, told).strips()
        records += _write(stems[some], scene, sentences[some], strips, outlines)
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


def _told(progress: Progress, group: int, groups: int, done: int, total: int) -> None:
    """Passes on how many windows of a group are done, as windows of all groups."""
    progress(group * total + done, groups * total)


def _write(
    stems: Sequence[Path],
    scene: Scene,
    sentences: Sequence[Sentence],
    strips: Iterable[Iterable[Prediction]],
    outlines: Outlines,
) -> list[dict[str, Any]]:
    """The files of sentences in a scene of either kind."""
    if not isinstance(scene, HeldScene):
        from bench.inference.scene_files import write_scene

        return write_scene(stems, scene, sentences, strips, outlines)
    found = whole(strips, scene, len(sentences))
    return [
        _write_held(stem, scene, sentence, each, outlines)
        for stem, sentence, each in zip(stems, sentences, found, strict=True)
    ]


def _write_held(
    stem: Path, scene: HeldScene, sentence: Sentence, found: Prediction, outlines: Outlines
) -> dict[str, Any]:
    """The files of one sentence in a scene that is held in memory."""
    parts, notes = sentence.decide(find_parts(found.mask, found.probability), scene)
    (labels,) = parts.labels([found.mask])
    kept = replace(found, mask=np.asarray(labels > 0))
    return write_prediction(stem, scene.picture, sentence.text, kept, outlines, notes)
