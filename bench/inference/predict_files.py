"""Every sentence in every image file: read, predicted in batches, written, listed in predictions.json."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bench.images.picture import Picture
from bench.images.read import read_picture
from bench.inference.outputs import distinct, printable, slug, write_prediction
from bench.inference.predictor import Predictor
from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.terminal.errors import UserError

LIST = "predictions.json"


@dataclass(frozen=True)
class Failure:
    """An image that could not be read, and why."""

    path: Path
    error: UserError

    def record(self) -> dict[str, Any]:
        """What `predictions.json` says of it."""
        return {"image": printable(self.path), "error": self.error.what.encode("utf-8", "replace").decode()}


@dataclass(frozen=True)
class Job:
    """One sentence in one picture, and where its files go."""

    picture: Picture
    text: str
    stem: Path


def predict_files(
    predictor: Predictor,
    paths: Sequence[Path],
    texts: Sequence[str],
    out: Path,
    *,
    bands: Sequence[int] = (),
    batch_size: int = 8,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Predicts every pair of image and sentence, in order.

    Args:
        predictor: The model.
        paths: Image files.
        texts: Sentences.
        out: Folder of the files.
        bands: As `read_picture`; empty: those that the model was trained with.
        batch_size: Pairs predicted at once.
        progress: Called with pairs done and in all.

    Returns:
        What `predictions.json` says of each pair, and why images could not be read, which it says after them.

    Raises:
        UserError: The only image cannot be read, or `out` holds another program's predictions.json.
    """
    refuse_foreign(out, [LIST], mine=_is_list(files.read_json(out / LIST)))
    failures: list[Failure] = []
    records: list[dict[str, Any]] = []
    total = len(paths) * len(texts)
    progress(0, total)
    read = partial(read_picture, bands=bands or predictor.bands, stretch=predictor.stretch)
    jobs = _jobs(paths, texts, read, out, failures)
    while batch := list(islice(jobs, batch_size)):
        found = predictor([(job.picture, job.text) for job in batch])
        for job, prediction in zip(batch, found, strict=True):
            records.append(write_prediction(job.stem, job.picture, job.text, prediction))
        progress(len(records), total)
    if len(failures) == len(paths) == 1:
        raise failures[0].error
    files.write_json(out / LIST, [*records, *(failure.record() for failure in failures)])
    return records, failures


def _is_list(said: Any) -> bool:
    """Whether a predictions.json was written here."""
    return isinstance(said, list) and all(isinstance(each, dict) and "image" in each for each in said)


def _jobs(
    paths: Sequence[Path],
    texts: Sequence[str],
    read: Callable[[Path], Picture],
    out: Path,
    failures: list[Failure],
) -> Iterator[Job]:
    """Every pair in order, each image read once when its turn comes; unreadable ones go to `failures`."""
    folders = distinct((path.stem for path in paths), "image")
    for path, folder in zip(paths, folders, strict=True):
        try:
            picture = read(path)
        except UserError as error:
            failures.append(Failure(path, error))
            continue
        except Exception as error:  # one image must not stop the others, whatever its reader raises
            said = f"{path}: cannot be read ({type(error).__name__}: {' '.join(str(error).split())})."
            failures.append(Failure(path, UserError(said, "Is the file whole, and an image?")))
            continue
        for number, text in enumerate(texts, start=1):
            yield Job(picture, text, out / folder / f"{number:02d}-{slug(text, 'text')}")
