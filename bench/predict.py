"""`python -m bench.predict`: a model, images and sentences in; masks, overlays, probabilities and map layers out."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.config.schema import Precision
from bench.images.read import find_pictures
from bench.terminal.arguments import parse
from bench.terminal.bars import bar
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

USAGE = """
Finds what sentences mean in images: the mask of each sentence in each image.

  python -m bench.weights export cell=0123456789ab out=exported          a model to predict with
  python -m bench.predict weights=exported image=scene.tif text="the ship at the top"
  python -m bench.predict weights=exported image=scenes text="the ship at the top" text="all ships" out=found

Written to OUT/<image>/<number>-<sentence>:
  .mask.png         0 and 255, at the image's own size       .overlay.png    the mask over the image
  .probability.npy  (H,W) float32, NaN where no data are     .mask.tif       0 and 1, placed like the image
  .geojson          outlines in longitude and latitude; each with text, pixels and mean probability
and OUT/predictions.json, which lists them, and at its end the images that could not be read, with `error`. The last
two files only for images that say where they lie.

keys: weights=DIR|FILE   what `python -m bench.weights export` or `import` wrote
      image=FILE|DIR     PNG, JPEG, TIFF, GeoTIFF, JPEG 2000, ...; every image in a folder
      text="..."         a sentence, as often as wanted; or 'text=["...","..."]'
      out=predictions    folder; files of the same names are replaced
      'bands=[4,3,2]'    which bands are red, green and blue, from 1: those of training (data.bands) unless given;
                         needed where neither training nor the file says
      batch_size=8       pairs of image and sentence predicted at once
      vocabulary=DIR     the tokenizer, where the weights hold none
      precision=float32  bf16 is faster where the GPU or CPU computes in it, tf32 on GPUs; masks differ a little
      json=false         true: print predictions.json instead of lines

The whole image is resized to the model's square, as in training: objects that are a few pixels wide then are lost, so
cut large scenes into tiles first. GeoTIFFs, 16-bit colours and bands= need: pip install 'fianet-bench[geo]'
exit codes: 0 done, 1 some image of a folder could not be read, 2 the request is wrong
"""


@dataclass
class Options:
    """What can be asked for; see USAGE."""

    weights: str = path("")
    image: str = path("")
    text: list[str] = field(default_factory=list)
    out: str = path("predictions")
    bands: list[int] = field(default_factory=list)
    batch_size: int = 8
    vocabulary: str | None = path(None)
    precision: Precision = Precision.float32
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 some image of a folder could not be read, 2 the request is wrong."""
    options = read_options(argv)
    paths = find_pictures(Path(options.image))
    from bench.inference.predict_files import predict_files
    from bench.inference.predictor import Predictor
    from bench.models.bundle import load_bundle

    predictor = Predictor(load_bundle(Path(options.weights)), options.vocabulary, options.precision)
    for text in options.text:
        if predictor.cut(text):
            _warn(f'text="{text}": only its first {predictor.max_tokens - 2} word pieces are read.')
        if unknown := predictor.unknown(text):
            _warn(f'text="{text}": the vocabulary does not know {", ".join(dict.fromkeys(unknown))}.')
    out = Path(options.out)
    with bar("predicting") as progress:
        records, failures = predict_files(
            predictor,
            paths,
            options.text,
            out,
            bands=options.bands,
            batch_size=options.batch_size,
            progress=progress,
        )
    for failure in failures:
        _warn(str(failure.error))
    for note in dict.fromkeys(
        f"{record['image']}: {note}." for record in records for note in record["notes"]
    ):
        _warn(note)
    if options.json:
        print(json.dumps([*records, *(failure.record() for failure in failures)]))
    else:
        _show(records)
    return 1 if failures else 0


def read_options(argv: Sequence[str]) -> Options:
    """The arguments; sentences are taken as they are, whatever signs are in them.

    Raises:
        UserError: A key is wrong or missing.
    """
    sentences = [word.partition("=")[2] for word in argv if word.startswith("text=")]
    options = parse([word for word in argv if not word.startswith("text=")], Options, USAGE)
    for given in sentences:
        options.text += parse([f"text={given}"], Options, USAGE).text if given.startswith("[") else [given]
    for key in ("weights", "image", "text"):
        if not getattr(options, key):
            raise UserError(f"{key}= is missing.", "See `python -m bench.predict --help`.")
    for text in options.text:
        if not text.strip() or not text.isprintable():
            raise UserError(f"text={text!r}: this is no sentence.", 'For example text="the ship at the top".')
    if options.batch_size < 1:
        raise UserError(f"batch_size={options.batch_size}: too small.", "Use 1 or more.")
    return options


def _show(records: list[dict[str, Any]]) -> None:
    for record in records:
        share = "nothing found" if not record["pixels"] else f"{record['pixels']:,} pixels"
        sure = f", probability {record['probability']:.2f}" if record["pixels"] else ""
        print(
            f'{Path(record["image"]).name}: "{record["text"]}": {share}{sure}: {record["files"]["overlay"]}'
        )


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
