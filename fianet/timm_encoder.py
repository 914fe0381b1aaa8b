"""Any backbone of timm that works in stages, walked stage by stage so that language can enter between them."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import timm
import torch
from timm.models import FeatureInfo, FeatureListNet
from torch import Tensor, nn

from fianet.segmenter import for_convolutions
from fianet.stages import StagedEncoder

STRIDES = (4, 8, 16, 32)
OTHERS = "resnet50, convnext_tiny, tf_efficientnet_lite0 or swinv2_tiny_window8_256"


class TimmStage(nn.Module):
    """A stretch of a backbone's modules, each called on what the one before gave.

    Args:
        parts: The modules, by names of their own.
        channels_first: They take and give (B,C,H,W), else (B,H,W,C).
    """

    def __init__(self, parts: Mapping[str, nn.Module], channels_first: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.channels_first = channels_first

    def forward(self, x: Tensor) -> Tensor:
        """x (B,H,W,C) of the stage before, fused with language -> (B,h,w,C')."""
        if self.channels_first:
            x = for_convolutions(x.permute(0, 3, 1, 2))
        for part in self.parts.values():
            x = part(x)
        return x.permute(0, 2, 3, 1) if self.channels_first else x

    def blocks(self) -> list[nn.Module]:
        """The repeated blocks of its parts, where these name them."""
        named = [getattr(part, "blocks", None) for part in self.parts.values()]
        return [
            block for blocks in named if isinstance(blocks, nn.Sequential | nn.ModuleList) for block in blocks
        ]


class TimmEncoder(StagedEncoder):
    """A backbone of timm, without its head, cut where its maps have stride 4, 8, 16 and 32.

    timm says where strides end (`feature_info`) and which modules follow one another (`FeatureListNet`). Whether that
    is all that happens between them is tried with an image: the walk must give what timm's own forward pass gives.

    Args:
        name: Of the model in timm.
        drop_path: Stochastic depth, where the model has some.
        image: Height and width of the images; some backbones are made for one size.

    Raises:
        ValueError: No such model, none that can be walked so, or none for images of this size.
    """

    def __init__(self, name: str, drop_path: float, image: tuple[int, int]) -> None:
        super().__init__()
        model = _create(name, drop_path, image)
        taps = _taps(name, model)
        net = _chain(name, model, [tap["index"] for tap in taps])
        self.channels = [tap["num_chs"] for tap in taps]
        self.channels_first = getattr(model, "output_fmt", "NCHW") != "NHWC"
        (_, self.patch_embed), *parts = net.items()
        ends = [list(net).index(end) for end in net.return_layers]
        self.stages = nn.ModuleList(
            TimmStage(dict(parts[start:end]), self.channels_first)
            for start, end in zip([0, *ends], ends, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in self.channels)
        theirs = {id(value): key for key, value in model.state_dict(keep_vars=True).items()}
        own = self.state_dict(keep_vars=True)
        # ours -> timm's name of the same weight, for files of pretrained ones
        self.timm_names = {key: theirs[id(value)] for key, value in own.items() if id(value) in theirs}
        self._try(name, model, [tap["module"] for tap in taps], image)

    def embed(self, image: Tensor) -> Tensor:
        """image (B,3,H,W) -> (B,h,w,C), the output of the backbone's first module."""
        return self._channels_last(self.patch_embed(image))

    def _channels_last(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1) if self.channels_first else x

    def norm_parameters(self) -> set[str]:
        """Names of the weights and biases of normalisations, whatever the backbone calls them."""
        return {
            f"{name}.{own}"
            for name, module in self.named_modules()
            if any("Norm" in kind.__name__ for kind in type(module).__mro__)
            for own, weight in module.named_parameters(recurse=False)
            if weight.ndim == 1
        }

    @torch.no_grad()
    def _try(self, name: str, model: Any, taps: list[str], image: tuple[int, int]) -> None:
        """Walks one image, and compares every map with what timm computes (shapes alone on a device without numbers).

        Raises:
            ValueError: It cannot be walked, or other maps come out.
        """
        pixels = torch.linspace(-1, 1, 3 * image[0] * image[1]).view(1, 3, *image)
        model.eval()
        try:
            wanted = _outputs(model, taps, lambda: model.forward_features(pixels))
        except Exception as error:  # whatever the backbone's author asserts
            raise ValueError(
                f"model.encoder.name={name}: takes no images of {image[1]} x {image[0]} pixels ({_reason(error)}).\n"
                f"Pass another recipe.size, such as a multiple of 32, or another backbone, such as {OTHERS}."
            ) from error
        try:
            same = len(wanted) == len(self.stages)
            x = self.embed(pixels)
            for stage, width, theirs in zip(self.stages, self.channels, wanted, strict=False):
                x = stage(x)
                same &= x.shape[-1] == width and _agree(x, self._channels_last(theirs))
            reason = "walked module by module it gives other maps than timm's own forward pass"
        except Exception as error:  # as above
            same, reason = False, f"its modules are no chain: {_reason(error)}"
        finally:
            model.train()
        if not same:
            raise _no_stages(name, reason)


def _agree(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and (
        found.is_meta or torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)
    )


def _outputs(model: nn.Module, names: Iterable[str], run: Callable[[], object]) -> list[Tensor]:
    """What the named modules give in one forward pass."""
    given: list[Tensor] = []
    handles = [
        model.get_submodule(name).register_forward_hook(lambda _, inputs, output: given.append(output))
        for name in names
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return given


def _create(name: str, drop_path: float, image: tuple[int, int]) -> Any:
    """The model with random weights, given what its builder takes of what there is to give."""
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ValueError(
            f"model.encoder.name={name}: no such timm model.\n"
            f"{hint}Pass a name that timm.list_models() gives, such as {OTHERS}."
        )
    asked: dict[str, Any] = {"drop_path_rate": drop_path, "img_size": image}
    while True:
        try:
            return timm.create_model(name, num_classes=0, **asked)
        except TypeError as error:
            refused = [key for key in asked if f"'{key}'" in str(error)]
            if not refused:
                raise _no_stages(name, _reason(error)) from error
            del asked[refused[0]]
        except Exception as error:  # whatever the backbone's author asserts
            raise ValueError(
                f"model.encoder.name={name}: cannot be built for images of {image[1]} x {image[0]} pixels "
                f"({_reason(error)}).\nPass another recipe.size, or another backbone, such as {OTHERS}."
            ) from error


def _taps(name: str, model: Any) -> list[dict[str, Any]]:
    """timm's entry of the last map of each of `STRIDES`."""
    info = getattr(model, "feature_info", None) or []
    entries = info.info if isinstance(info, FeatureInfo) else info
    last = {
        entry["reduction"]: {**entry, "index": index}
        for index, entry in enumerate(entries)
        if "module" in entry
    }
    if not set(STRIDES) <= last.keys():
        strides = ", ".join(map(str, sorted(last))) or "none"
        raise _no_stages(name, f"its maps have stride {strides}")
    return [last[stride] for stride in STRIDES]


def _chain(name: str, model: nn.Module, indices: list[int]) -> FeatureListNet:
    """The model's modules one after the other; stages are modules of it, or modules of a sequence in it."""
    for flat in (False, True):
        try:
            return FeatureListNet(model, out_indices=tuple(indices), flatten_sequential=flat)
        except AssertionError as error:
            reason = _reason(error)
    raise _no_stages(name, reason)


def _no_stages(name: str, reason: str) -> ValueError:
    return ValueError(
        f"model.encoder.name={name}: no backbone of four stages of stride 4, 8, 16, 32 ({reason}).\n"
        f"Pass one that is, such as {OTHERS}."
    )


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
