"""`python -m bench.refer`: any COCO instance file becomes a referring data set with verified sentences."""

import hashlib
import json
import sys
from pathlib import Path

from bench.data.coco import read_coco
from bench.data.refer import (
    SPLITS,
    STAMP,
    Options,
    _image_file,
    _references,
    _request,
    assign_splits,
    refer,
    summarise,
)
from bench.data.rrsisd_writer import write_rrsisd
from bench.storage import files
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command

USAGE = """
Makes a referring data set, in the RRSIS-D layout, from a COCO instance file. Every sentence is checked to fit
exactly one instance: its target clearly, every other instance of the class clearly not.

  python -m bench.refer coco=instances.json images=photos out=data/mine
  python -m bench.run ablation=fiam data=rrsisd data.root=data/mine

keys: coco=FILE            polygons or run lengths; a class with a crowd region is left out in that image
      images=DIR           the folder that file_name is relative to
      out=DIR              the new set; refused if it is there and is not this set
      seed=0               chooses sentences and splits
      per_instance=4       sentences about one instance at most
      per_image=30         sentences about one image at most
      split=[0.7,0.1,0.2]  shares of train, val, test by image; copies of an image stay together
      colours=false        true: colour words, read from the pixels (wrong on colour-infrared images)
      groups=false         true: also sentences about several ("The vehicles on the left", "All ships")
      max_side=0           shrink larger images to this many pixels; 0: files are copied byte by byte
      overwrite=false      true: replace out=DIR
exit codes: 0 done, 2 the request or a file is wrong
"""


@command
def main(argv: list[str]) -> int:
    """Makes the set and prints what is in it."""
    options = _checked(parse(argv, Options, USAGE))
    out = Path(options.out).expanduser()
    pictures, categories = read_coco(Path(options.coco).expanduser(), Path(options.images).expanduser())
    contents = [hashlib.sha256(picture.file.read_bytes()).hexdigest() for picture in pictures]
    request = _request(options, contents)
    if out.exists() and not options.overwrite:
        stamp = files.read_json(out / STAMP) or {}
        if stamp.get("request") != request:
            raise UserError(
                f"out={out}: is there already and is not this set.", "Pass overwrite=true or another out=DIR."
            )
        print(f"{stamp['summary']}\n\n{out} holds this set already; nothing was written.")
        return 0
    referred = refer(pictures, assign_splits(contents, options.split, options.seed), options)
    if not referred:
        raise UserError(
            f"coco={options.coco}: nothing in it can be spoken of without ambiguity.",
            "Do images and annotations belong together? colours=true and groups=true give more words.",
        )
    summary = summarise(referred)
    write_rrsisd(
        out,
        (_image_file(one.picture) for one in referred),
        [reference for one in referred for reference in _references(one)],
        categories,
        {STAMP: json.dumps({"request": request, "summary": summary}, indent=1)},
    )
    print(f"{summary}\n\nWritten to {out}. Next: python -m bench.check data=rrsisd data.root={out}")
    return 0


def _checked(options: Options) -> Options:
    """The options, if they make sense."""
    for name in ("coco", "images", "out"):
        if not getattr(options, name):
            raise UserError(f"{name}: is missing.", "Pass coco=FILE images=DIR out=DIR; --help says more.")
    shares = options.split
    if len(shares) != len(SPLITS) or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"split={shares}: is not three shares that add up to 1.", "For example: split=[0.7,0.1,0.2]."
        )
    for name, least in (("seed", 0), ("per_instance", 1), ("per_image", 1), ("max_side", 0)):
        if getattr(options, name) < least:
            raise UserError(f"{name}={getattr(options, name)}: is too small.", f"Pass {least} or more.")
    return options


if __name__ == "__main__":
    sys.exit(main())
