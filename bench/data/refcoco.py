"""Reads RefCOCO, RefCOCO+ and RefCOCOg as the `refer` API publishes them, and any set in that form.

root/refs(<split_by>).p    pickled list of references; split_by says who split it: unc, google, umd
root/instances.json        images, annotations (polygons or run lengths; boxes x y width height), categories
root/images/               the images, unless data.images says another folder
"""

from pathlib import Path

from bench.config.schema import DataConfig
from bench.data.refer_api import Found, ReferSet, read_refer
from bench.data.source import existing_root
from bench.terminal.errors import UserError

TEST_SPLITS = ("test", "testA", "testB")
"""RefCOCO and RefCOCO+ have two: people (testA), and everything else (testB)."""


def read_refcoco(data: DataConfig) -> Found:
    """References, categories and list files of a set.

    Args:
        data: `root`; `split_by` and `test_split` choose the splits; `images`, where they lie elsewhere.

    Raises:
        UserError: A list is missing or not of this form, or has no such split; names file and entry.
    """
    root, chosen = existing_root(data), data.test_split
    if chosen is not None and chosen not in TEST_SPLITS:
        raise UserError(
            f"data.test_split={chosen}: there is no such split.", f"Pass one of {', '.join(TEST_SPLITS)}."
        )
    refs = root / f"refs({data.split_by}).p"
    if not refs.is_file() and (others := sorted(root.glob("refs(*).p"))):
        names = [path.name.removeprefix("refs(").removesuffix(").p") for path in others]
        raise UserError(
            f"data.split_by={data.split_by}: {refs} is not there.",
            f"Pass data.split_by={' or data.split_by='.join(names)}.",
        )
    tests = {split: "test" if chosen in (None, split) else None for split in TEST_SPLITS}
    found = read_refer(
        ReferSet(
            refs,
            root / "instances.json",
            Path(data.images) if data.images else root / "images",
            {"train": "train", "val": "val", **tests},
            corners=False,
            wanted="Pass data.root=DIR of a set of the refer API: refs(<data.split_by>).p and instances.json in DIR.",
        )
    )
    if chosen is not None and all(reference.split != "test" for reference in found[0]):
        raise UserError(
            f"data.test_split={chosen}: {refs} has no such split.", "Leave it out, or pass another."
        )
    return found
