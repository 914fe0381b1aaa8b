"""Every sentence in every image file: read, predicted in batches, written, listed in predictions.json."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bench.images.picture import Picture
from bench.images.read import open_scene, read_picture
from bench.inference.asked import Outlines, Tiling, shrunk
from bench.inference.outputs import distinct, printable, slug, write_prediction
from bench.inference.predictor import Predictor
from bench.inference.scenes import predict_scene
from bench.inference.working import remove_left_folders
from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.terminal.errors import UserError

LIST = "predictions.json"
Image = tuple[Path, list[Path]]  # its file, and folder and beginning of the names of what each sentence gives


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


@dataclass(frozen=True)
class Wanted:
    """What is asked of every image.

    Args:
        texts: Sentences.
        out: Folder of the files.
        bands: As `read_picture`; empty: those that the model was trained with.
        batch_size: Pairs of image (or window) and sentence predicted at once.
        tiling: How images are cut into windows; None: they are read as a whole.
        outlines: How outlines are written.
    """

    texts: Sequence[str]
    out: Path
    bands: Sequence[int] = ()
    batch_size: int = 8
    tiling: Tiling | None = None
    outlines: Outlines = field(default_factory=Outlines)


def predict_files(
    predictor: Predictor,
    paths: Sequence[Path],
    wanted: Wanted,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """Predicts every pair of image and sentence, in order.

    Args:
        predictor: The model.
        paths: Image files.
        wanted: What is asked of them.
        progress: Called with pairs done and in all; where images are cut, with windows of one image.

    Returns:
        What `predictions.json` says of each pair, and why images could not be read, which it says after them.

    Raises:
        UserError: The only image cannot be read, or `out` holds another program's predictions.json.
        NotWritten: A file cannot be written; those before it are whole.
    """
    file = wanted.out / LIST
    refuse_foreign(wanted.out, [LIST], mine=_is_list(files.read_json(file)))
    remove_left_folders(wanted.out)
    folders = distinct((path.stem for path in paths), "image")
    images = [
        (path, [wanted.out / folder / f"{n:02d}-{slug(t, 'text')}" for n, t in enumerate(wanted.texts, 1)])
        for path, folder in zip(paths, folders, strict=True)
    ]
    work = _Work(predictor, images, wanted, progress)
    records = work.as_a_whole() if wanted.tiling is None else work.in_windows(wanted.tiling)
    if len(work.failures) == len(paths) == 1:
        raise work.failures[0].error
    files.write_json(file, [*records, *(failure.record() for failure in work.failures)])
    return records, work.failures


@dataclass
class _Work:
    """What there is to do, and what could not be read on the way."""

    predictor: Predictor
    images: Sequence[Image]
    wanted: Wanted
    progress: Callable[[int, int], None]
    failures: list[Failure] = field(default_factory=list)

    @property
    def bands(self) -> Sequence[int]:
        return self.wanted.bands or self.predictor.bands

    def as_a_whole(self) -> list[dict[str, Any]]:
        """Every pair in batches that hold sentences of several images."""
        records: list[dict[str, Any]] = []
        total = len(self.images) * len(self.wanted.texts)
        self.progress(0, total)
        jobs = self._jobs()
        while batch := list(islice(jobs, self.wanted.batch_size)):
            found = self.predictor([(job.picture, job.text) for job in batch])
            for job, prediction in zip(batch, found, strict=True):
                note = shrunk(max(job.picture.valid.shape), self.predictor.size)
                notes = [note] if note else []
                records.append(
                    write_prediction(job.stem, job.picture, job.text, prediction, self.wanted.outlines, notes)
                )
            self.progress(len(records), total)
        return records

    def _jobs(self) -> Iterator[Job]:
        """Every pair in order, each image read once when its turn comes."""
        for path, stems in self.images:
            try:
                with _reading(path):
                    picture = read_picture(path, self.bands, self.predictor.stretch)
            except UserError as error:
                self.failures.append(Failure(path, error))
                continue
            yield from (Job(picture, text, stem) for text, stem in zip(self.wanted.texts, stems, strict=True))

    def in_windows(self, tiling: Tiling) -> list[dict[str, Any]]:
        """Every pair, image by image."""
        records: list[dict[str, Any]] = []
        for path, stems in self.images:
            try:
                with ExitStack() as opened:
                    with _reading(path):
                        scene = opened.enter_context(open_scene(path, self.bands, self.predictor.stretch))
                    records += predict_scene(
                        self.predictor,
                        scene,
                        self.wanted.texts,
                        stems,
                        tiling,
                        self.wanted.outlines,
                        batch_size=self.wanted.batch_size,
                        progress=self.progress,
                    )
            except files.NotWritten:
                raise  # nothing is wrong with the image, and the next one would find the same disk
            except UserError as error:
                self.failures.append(Failure(path, error))
        return records


def _is_list(said: Any) -> bool:
    """Whether a predictions.json was written here."""
    return isinstance(said, list) and all(isinstance(each, dict) and "image" in each for each in said)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Makes a `UserError` of whatever a reader raises: one image must not stop the others."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = f"{path}: cannot be read ({type(error).__name__}: {' '.join(str(error).split())})."
        raise UserError(said, "Is the file whole, and an image?") from error
