"""`python -m bench.predict`: a model, images and sentences in; masks, overlays, probabilities and map layers out."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.config.choices import Precision
from bench.images.read import find_pictures
from bench.inference.asked import LEAST_SIDE, MOST_SIDE, Outlines, Position, Tiling, VectorFormat
from bench.terminal.arguments import parse
from bench.terminal.bars import bar
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from bench.terminal.signals import ending_on_sigterm

USAGE = """
Finds what sentences mean in images: the mask of each sentence in each image.

  python -m bench.weights export cell=0123456789ab out=exported          a model to predict with
  python -m bench.predict weights=exported image=scene.tif text="the ship at the top"
  python -m bench.predict weights=exported image=scenes text="the ship at the top" text="all ships" out=found
  python -m bench.predict weights=exported image=harbor.tif text="the ship at the top" tile=auto resolution=0.5

Written to OUT/<image>/<number>-<sentence>:
  .mask.png         0 and 255, at the image's own size       .overlay.png    mask over the image, sentence beneath
  .probability.npy  (H,W) float32, NaN where no data are     .mask.tif       0 and 1, placed like the image
  .geojson          outlines in longitude and latitude; each with text, pixels, square metres and mean probability
and OUT/predictions.json, which lists them, and at its end the images that could not be read, with `error`. The last
two files only for images that say where they lie.

keys: weights=DIR|FILE   what `python -m bench.weights export` or `import` wrote
      image=FILE|DIR     PNG, JPEG, TIFF, GeoTIFF, JPEG 2000, ...; every image in a folder
      text="..."         a sentence, as often as wanted; or 'text=["...","..."]'
      out=predictions    folder; files of the same names are replaced
      'bands=[4,3,2]'    which bands are red, green and blue, from 1: those of training (data.bands) unless given;
                         needed where neither training nor the file says
      batch_size=8       pairs of image (or window) and sentence predicted at once
      vocabulary=DIR     the tokenizer, where the weights hold none
      precision=float32  bf16 is faster where the GPU or CPU computes in it, tf32 on GPUs; masks differ a little
      format=geojson     gpkg: outlines as a GeoPackage, in the image's own coordinates
      simplify=0         by how many pixels outlines may leave the borders of their pixels, to have fewer points
      json=false         true: print predictions.json instead of lines

an image that is larger than what the model reads (its square, such as 480 pixels):
      tile=off           the whole image is resized to the square, as in training: small objects vanish
           auto          it is read in overlapping windows, each as large as the model sees without resizing
           1000          in windows of 1000 pixels, each resized to the square
      overlap=0.25       share of a window that the next one covers too, at least; 0 to 0.9
      scale=1            with tile=auto: the factor by which images are resized for the model
      resolution=0.5     or, in place of scale=: metres a pixel of the images the model was trained on; the image must
                         say where it lies
      position=scene     "at the top" is the top of the whole image: the model looks for the sentence without these
                         words, then the place chooses among the connected parts that it found
               window    the model reads the whole sentence in every window, "at the top" being the top of that
What fits into one window is read as with tile=off. With tile=, TIFF and JPEG 2000 of more than 50 million pixels are
never held in memory: they give .mask.tif, .probability.tif (per cent, 255: no data), a reduced .overlay.png, outlines.

GeoTIFFs, 16-bit colours and bands= need: pip install 'fianet-bench[geo]'
exit codes: 0 done, 1 some image of a folder could not be read, 2 the request is wrong or a file cannot be written
"""
WINDOWS = "of windows alone, and tile=off reads the whole image at once"
MOST_OVERLAP = 0.9


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
    format: VectorFormat = VectorFormat.geojson
    simplify: float = 0.0
    tile: str = "off"
    overlap: float | None = None
    scale: float | None = None
    resolution: float | None = None
    position: Position | None = None
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 some image of a folder could not be read, 2 request wrong or a file not written."""
    options = read_options(argv)
    tiling = read_tiling(options)
    paths = find_pictures(Path(options.image))
    from bench.inference.predict_files import Wanted, predict_files
    from bench.inference.predictor import Predictor
    from bench.models.bundle import load_bundle

    predictor = Predictor(load_bundle(Path(options.weights)), options.vocabulary, options.precision)
    for text in options.text:
        if predictor.cut(text):
            _warn(f'text="{text}": only its first {predictor.max_tokens - 2} word pieces are read.')
        if unknown := predictor.unknown(text):
            _warn(f'text="{text}": the vocabulary does not know {", ".join(dict.fromkeys(unknown))}.')
    wanted = Wanted(
        options.text,
        Path(options.out),
        options.bands,
        options.batch_size,
        tiling,
        Outlines(options.format, options.simplify),
    )
    with ending_on_sigterm(), bar("predicting" if tiling is None else "windows") as progress:
        records, failures = predict_files(predictor, paths, wanted, progress)
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
    if options.simplify < 0:
        raise UserError(f"simplify={options.simplify:g}: is no distance.", "Use 0 or more pixels.")
    return options


def read_tiling(options: Options) -> Tiling | None:
    """How images are cut into windows; None: not at all.

    Raises:
        UserError: A value that cannot be, or one that has no meaning beside the others.
    """
    cut = {key: getattr(options, key) for key in ("overlap", "scale", "resolution", "position")}
    cut = {key: value for key, value in cut.items() if value is not None}
    if options.tile == "off":
        for key, value in cut.items():
            raise UserError(f"{key}={value}: is {WINDOWS}.", "Pass tile=auto beside it.")
        return None
    side = int(options.tile) if options.tile.isdecimal() else None
    if options.tile != "auto" and not (side and LEAST_SIDE <= side <= MOST_SIDE):
        raise UserError(
            f"tile={options.tile}: is no size of windows.",
            f"Use auto, off, or {LEAST_SIDE} to {MOST_SIDE} pixels.",
        )
    sizes = [f"{key}={cut[key]:g}" for key in ("scale", "resolution") if key in cut]
    if len(sizes) + (side is not None) > 1:
        said = [f"tile={side}"] * (side is not None) + sizes
        raise UserError(f"{' and '.join(said)}: each says how large windows are.", "Pass one of them.")
    for key in ("scale", "resolution"):
        if cut.get(key, 1.0) <= 0:
            raise UserError(f"{key}={cut[key]:g}: must be above 0.", f"For example {key}=0.5.")
    if not 0 <= cut.get("overlap", 0.0) <= MOST_OVERLAP:
        raise UserError(
            f"overlap={cut['overlap']:g}: is no share of a window.", f"Use 0 to {MOST_OVERLAP:g}."
        )
    return Tiling(side, **cut)


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
