"""Names of classes, as data sets store them and as sentences write them."""

import re
from typing import Any, TypeGuard

COMPOUNDS = {
    "baseballfield": "baseball field",
    "basketballcourt": "basketball court",
    "golffield": "golf field",
    "groundtrackfield": "ground track field",
    "storagetank": "storage tank",
    "tenniscourt": "tennis court",
    "trainstation": "train station",
}
"""Names that remote sensing sets write as one word."""
RRSISD = (
    *("Expressway-Service-area", "Expressway-toll-station", "airplane", "airport", "baseballfield"),
    *("basketballcourt", "bridge", "chimney", "dam", "golffield", "groundtrackfield", "harbor", "overpass"),
    *("ship", "stadium", "storagetank", "tenniscourt", "trainstation", "vehicle", "windmill"),
)
"""The classes of RRSIS-D, as its instances.json stores them."""


def human(name: str) -> str:
    """A category name as people write it: storage_tank, StorageTank and storagetank are "storage tank"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = " ".join(re.split(r"[\s_\-/]+", words.strip())).lower()
    return COMPOUNDS.get(words, words)


def sayable(name: Any) -> TypeGuard[str]:
    """Whether a sentence can call a class so: a line of text that has letters or digits."""
    return isinstance(name, str) and human(name).isprintable() and any(sign.isalnum() for sign in name)
