"""Reads the published RefSegRS layout.

root/images/<id>.tif
root/masks/<id>.tif                         foreground brighter than 50
root/output_phrase_{train,val,test}.txt     lines `<id> <expression>`
"""

import re
from pathlib import Path

from bench.config.schema import DataConfig
from bench.data.file_names import FileNames
from bench.data.refer_api import Found
from bench.data.reference import SPLITS, UNKNOWN, FileMask, Reference
from bench.data.source import existing_root
from bench.terminal.errors import UserError

CATEGORIES = (
    *("road", "vehicle", "car", "van", "building", "truck", "trailer", "bus", "road marking", "bikeway"),
    *("sidewalk", "tree", "low vegetation", "impervious surface"),
)
_LONGEST_FIRST = sorted(CATEGORIES, key=len, reverse=True)
_NAMED = re.compile(rf"\b({'|'.join(_LONGEST_FIRST)})(?:e?s)?\b", re.IGNORECASE)


def category(phrase: str) -> str:
    """The class a phrase names, or `unknown`.

    The first of the 14 classes in the phrase, the longest one at that place ("road marking", not "road"): the
    head comes before its landmarks ("car on the road" is a car).
    """
    found = _NAMED.search(phrase)
    return found[1].lower() if found else UNKNOWN


def read_refsegrs(data: DataConfig) -> Found:
    """References, categories and list files of a set in the RefSegRS layout.

    References have no published ids: they are numbered from 0 in the order train, val, test.

    Args:
        data: `root` is the folder of the set.

    Raises:
        UserError: A list is missing or not text; names file and line.
    """
    root = existing_root(data)
    lists = {split: root / f"output_phrase_{split}.txt" for split in SPLITS}
    lines = [(split, line.split(maxsplit=1)) for split, path in lists.items() for line in _lines(path)]
    references = []
    images, masks = FileNames(root / "images"), FileNames(root / "masks")
    for number, (split, (image_id, *rest)) in enumerate(line for line in lines if line[1]):
        phrase = rest[0].strip() if rest else ""
        references.append(
            Reference(
                ref_id=number,
                image_id=image_id,
                image=images.path(f"{image_id}.tif"),
                sentence=phrase,
                category=category(phrase),
                split=split,
                mask=FileMask(masks.path(f"{image_id}.tif")),
            )
        )
    return tuple(references), CATEGORIES, tuple(lists.values())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such file.", "Pass data.root=DIR of a set in the RefSegRS layout."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line} is not UTF-8 text.", "Fetch the file again.") from None
