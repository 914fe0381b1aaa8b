"""The referring set of `data=coco`, made once of a COCO instance file and kept below `data.cache`."""

import hashlib
import json
import os
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path

from bench.config.choices import Layout
from bench.config.schema import DataConfig, ReferConfig
from bench.data.own_name import with_own_name
from bench.data.refer import MadeSet, Options, read_asked, write_set
from bench.data.remembered import Remembered
from bench.storage.files import locked
from bench.terminal.bars import bar


def referring_set(data: DataConfig) -> DataConfig:
    """The set in the layout rrsisd that is made of COCO instances; made now, unless it is there.

    Its folder is named by all that its content depends on: other options, annotations or images make another set,
    and the one that cells were trained on stays.

    Args:
        data: `coco`, `images` and `refer` say what is made.

    Raises:
        UserError: As `bench.data.refer.make_set`.
    """
    named = with_own_name(data)
    options = Options(
        **asdict(data.refer) | {"name": data.refer.name or named.name},
        coco=str(data.coco),
        images=str(data.images),
    )
    folder = Path(data.cache) / "refer"
    with locked(folder / ".lock"):
        root = _made(options, folder)
    return replace(named, layout=Layout.rrsisd, root=str(root), coco=None, images=None, refer=ReferConfig())


def _made(options: Options, folder: Path) -> Path:
    """The folder of the set. While no file changed since, nothing is read to find it."""
    coco, images = (Path(path) for path in (options.coco, options.images))
    place = json.dumps([os.path.abspath(coco), os.path.abspath(images), asdict(options)], sort_keys=True)
    remembered = Remembered(folder / "asked" / f"{_digest(place)}.json")
    if (known := remembered.fingerprint()) and (folder / known).is_dir():
        return folder / known
    asked = read_asked(options)
    files = remembered.hash({coco, *(picture.file for picture in asked.pictures)})
    root = folder / _digest(json.dumps(asked.request, sort_keys=True))
    with bar("Choosing sentences") as progress:
        made = write_set(asked, replace(options, out=str(root)), progress)
    if not made.known:
        _tell(made, options.coco, root)
    remembered.keep(files, root.name)
    return root


def _tell(made: MadeSet, coco: str, root: Path) -> None:
    """Says on stderr where the set lies, and what is not in it."""
    print(f"The sentences made of {coco} are in {root}. To look at some:", file=sys.stderr)
    print(shlex.join(["python", "-m", "bench.refer", f"out={root}", "preview=40"]), file=sys.stderr)
    if made.left_out:
        print(
            f"{len(made.left_out)} annotations have no mask that can be read; nothing is said of their classes in "
            f"those images (first: {made.left_out[0]}).",
            file=sys.stderr,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
