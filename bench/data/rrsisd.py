"""Reads the published RRSIS-D layout (`bench.data.rrsisd_writer` writes it).

root/rrsisd/refs(unc).p         pickled list of references
root/rrsisd/instances.json      images, annotations (a list of one RLE; xyxy boxes), categories
root/images/rrsisd/JPEGImages/  the images
"""

from bench.config.schema import DataConfig
from bench.data.refer_api import Found, ReferSet, read_refer
from bench.data.reference import SPLITS
from bench.data.rrsisd_writer import IMAGES, INSTANCES, REFERENCES
from bench.data.source import existing_root

WANTED = f"Pass data.root=DIR of a set in the RRSIS-D layout: {REFERENCES}, {INSTANCES} and {IMAGES} in DIR."


def read_rrsisd(data: DataConfig) -> Found:
    """References, categories and list files of a set in the RRSIS-D layout.

    Args:
        data: `root` is the folder of the set.

    Raises:
        UserError: A list is missing or not of this layout; names file and entry.
    """
    root = existing_root(data)
    splits = {split: split for split in SPLITS}
    return read_refer(
        ReferSet(root / REFERENCES, root / INSTANCES, root / IMAGES, splits, corners=True, wanted=WANTED)
    )
