"""Any COCO instance file as a referring data set with verified sentences, in the RRSIS-D layout."""

import dataclasses
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco
from scipy import ndimage

from bench.config.schema import DataConfig, ReferConfig
from bench.data.classes import human, sayable
from bench.data.coco import AnnotatedImage, instance_of, read_coco
from bench.data.contact_sheet import contact_sheet, draw_references
from bench.data.index import read_index
from bench.data.own_name import STAMP
from bench.data.reference import SPLITS
from bench.data.rrsisd_writer import IMAGES, REFERENCES, ImageFile, NewReference, encode, write_rrsisd
from bench.data.segmentation import Rle
from bench.images.read import open_image
from bench.sentences.colours import colour_name
from bench.sentences.expressions import KINDS, Expression, choose, expressions
from bench.sentences.predicates import Scene
from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.terminal.arguments import nearest
from bench.terminal.errors import UserError
from bench.terminal.paths import path

VERSION = 2
"""Goes up whenever the same request would give another set."""
PREVIEW = "preview.png"
NEEDED = "Pass coco=FILE images=DIR out=DIR; --help says more."
WRITTEN = (STAMP, PREVIEW, REFERENCES.parts[0], IMAGES.parts[0])  # in the folder of a set
EXAMPLES = 10
PIECE = 0.5
"""Share of the largest piece of a mask from which on another is taken for an object of its own."""
Progress = Callable[[int, int], None]


@dataclass
class Options(ReferConfig):
    """What can be asked for: the keys of `python -m bench.refer`."""

    coco: str = path("")
    images: str = path("")
    out: str = path("")
    overwrite: bool = False
    preview: int = 0


@dataclass(frozen=True)
class MadeSet:
    """A set on disk: what is in it, in words, whether it was there already, and what is not in it, a line each."""

    summary: str
    known: bool
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Referred:
    """A picture, at the size it will be written, and the sentences chosen for it."""

    picture: AnnotatedImage
    split: str
    chosen: tuple[Expression, ...]


@dataclass(frozen=True)
class Asked:
    """What a set is made from: pictures with the digests of their files, and everything that its content depends on."""

    pictures: list[AnnotatedImage]
    categories: list[str]
    contents: list[str]
    left_out: tuple[str, ...]
    request: dict[str, object]


def make_set(options: Options, progress: Progress = lambda done, total: None) -> MadeSet:
    """Writes the set that was asked for; one that is there already is left alone.

    Args:
        options: What is asked for.
        progress: Called with images that sentences were chosen for, and all of them.

    Raises:
        UserError: Options that make no sense, a file that cannot be read, another set in `out`, or nothing to say.
    """
    if not options.out:
        raise UserError("out: is missing.", NEEDED)
    return write_set(read_asked(options), options, progress)


def read_asked(options: Options) -> Asked:
    """Reads what is asked for, all but `out`; nothing is written.

    Raises:
        UserError: Options that make no sense, or a file that cannot be read.
    """
    _check(options)
    found = read_coco(Path(options.coco), Path(options.images))
    pictures, categories = renamed(found.pictures, found.categories, options.rename)
    contents = [hashlib.sha256(picture.file.read_bytes()).hexdigest() for picture in pictures]
    return Asked(pictures, categories, contents, tuple(found.left_out), _request(options, contents))


def write_set(asked: Asked, options: Options, progress: Progress = lambda done, total: None) -> MadeSet:
    """As `make_set`, of what was read."""
    out = Path(options.out)
    left_out, request = asked.left_out, asked.request
    stamp = _stamp(out)
    if stamp is not None and not options.overwrite:
        if stamp["request"] != request:
            raise UserError(
                f"out={out}: is there already and is not this set.", "Pass overwrite=true or another out=DIR."
            )
        return MadeSet(stamp["summary"], known=True, left_out=left_out)
    splits = assign_splits(asked.contents, options.split, options.seed)
    referred = choose_sentences(asked.pictures, splits, options, progress)
    if not referred:
        raise UserError(
            f"{options.coco}: nothing in it can be spoken of without ambiguity{_left_out(left_out)}.",
            "Do images and annotations belong together? colours=true and groups=true give more words.",
        )
    summary = summarise(referred)
    write_rrsisd(
        out,
        (_image_file(one.picture) for one in referred),
        [reference for one in referred for reference in _references(one)],
        asked.categories,
        {STAMP: json.dumps({"name": request["name"], "request": request, "summary": summary}, indent=1)},
    )
    return MadeSet(summary, known=False, left_out=left_out)


def _stamp(out: Path) -> dict[str, Any] | None:
    """What made the set in a folder; None where nothing is.

    Raises:
        UserError: The folder holds anything that this module did not write: it is never replaced.
    """
    stamp = files.read_json(out / STAMP)
    mine = isinstance(stamp, dict) and {"request", "summary"} <= stamp.keys()
    known = WRITTEN if mine else ()
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    refuse_foreign(out, [name for name in found if name not in known], mine=False)
    return stamp if mine else None


def _left_out(lines: Sequence[str]) -> str:
    return f"; {len(lines)} annotations have no mask (first: {lines[0]})" if lines else ""


def draw_preview(out: Path, count: int, seed: int) -> Path:
    """Draws `count` sentences of a set with their masks; returns the picture, `preview.png` in the set's folder.

    Raises:
        UserError: There is no such set.
        DataError: An image or a mask of it cannot be read.
    """
    references = draw_references(read_index(DataConfig(root=str(out))).references, count, seed)
    file = io.BytesIO()
    contact_sheet(references).save(file, "PNG")
    files.write_bytes(out / PREVIEW, file.getvalue())
    return out / PREVIEW


def _check(options: Options) -> None:
    """Raises UserError where the options make no sense."""
    for name in ("coco", "images"):
        if not getattr(options, name):
            raise UserError(f"{name}: is missing.", NEEDED)
    shares = options.split
    if len(shares) != len(SPLITS) or not (min(shares) >= 0 and abs(sum(shares) - 1) <= 1e-6):
        raise UserError(
            f"split={shares}: is not three shares that add up to 1.", "For example: split=[0.7,0.1,0.2]."
        )
    for name, least in (("seed", 0), ("per_instance", 1), ("per_image", 1), ("max_side", 0), ("preview", 0)):
        if getattr(options, name) < least:
            raise UserError(f"{name}={getattr(options, name)}: is too small.", f"Pass {least} or more.")
    if not 0 <= options.min_visible <= 1:
        raise UserError(f"min_visible={options.min_visible}: is no share.", "Pass a number from 0 to 1.")


def renamed(
    pictures: Sequence[AnnotatedImage], categories: Sequence[str], names: Mapping[str, str]
) -> tuple[list[AnnotatedImage], list[str]]:
    """Pictures and categories with classes called otherwise; two that get one name are one class.

    Raises:
        UserError: A class to rename is not there (names the nearest), or its new name is none.
    """
    for old, name in names.items():
        if not sayable(name):
            raise UserError(
                f"rename: {name!r} for {old!r} is nothing that sentences can say.",
                "Write 'rename={storage tank: silo}'.",
            )
    new = {human(old): human(name) for old, name in names.items()}
    for old in new:
        if old not in categories:
            raise UserError(f"rename: there is no class {old!r}.", nearest(old, categories))

    def name_of(category: str) -> str:
        return new.get(category, category)

    changed = []
    for picture in pictures:
        scene = picture.scene
        instances = tuple(replace(each, category=name_of(each.category)) for each in scene.instances)
        uncountable = frozenset(map(name_of, scene.uncountable))
        changed.append(replace(picture, scene=replace(scene, instances=instances, uncountable=uncountable)))
    return changed, list(dict.fromkeys(map(name_of, categories)))


def choose_sentences(
    pictures: Sequence[AnnotatedImage], splits: Sequence[str], options: Options, progress: Progress
) -> list[Referred]:
    """Chooses sentences for every picture (with its split); pictures nothing can be said of are left out."""
    used: Counter[str] = Counter()
    referred = []
    progress(0, len(pictures))
    for number, (picture, split) in enumerate(zip(pictures, splits, strict=True)):
        rng = np.random.default_rng([options.seed, number])
        prepared = _prepare(picture, options)
        found = expressions(prepared.scene, rng, groups=options.groups)
        found = [each for each in found if _visible(prepared.scene, each.targets, options.min_visible)]
        chosen = choose(found, options.per_image, used, rng, options.per_instance)
        if chosen:
            referred.append(Referred(prepared, split, tuple(chosen)))
        progress(number + 1, len(pictures))
    return referred


def _visible(scene: Scene, targets: Iterable[int], least: float) -> bool:
    """Whether every target shows at least a share of itself; one of which nobody can tell does not."""
    return least == 0 or all((scene.visible(number) or 0.0) >= least for number in targets)


def assign_splits(contents: Sequence[str], shares: Sequence[float], seed: int) -> list[str]:
    """Draws a split for every image; images of equal content get the same one.

    Args:
        contents: A digest of each image.
        shares: Of train, val and test, adding up to 1.
        seed: Draws the order.
    """
    unique = sorted(set(contents))
    order = np.random.default_rng(seed).permutation(len(unique))
    ends = np.round(np.cumsum(shares) * len(unique))
    split_of = {
        unique[i]: SPLITS[int(np.searchsorted(ends, place, side="right"))] for place, i in enumerate(order)
    }
    return [split_of[content] for content in contents]


def summarise(referred: Sequence[Referred]) -> str:
    """Counts by split, kind and class, and examples, as text."""
    said = [(one, expression) for one in referred for expression in one.chosen]
    lines = ["split      images  references"]
    for split in SPLITS:
        images = sum(one.split == split for one in referred)
        lines.append(f"{split:<9} {images:7,}  {sum(one.split == split for one, _ in said):10,}")
    kinds = Counter(expression.kind for _, expression in said)
    lines += ["", "kind                references  share  RRSIS-D"]
    for kind in sorted(kinds, key=lambda kind: (-kinds[kind], kind)):
        share, real = (
            100 * kinds[kind] / len(said),
            f"{100 * KINDS[kind]:5.1f} %" if kind in KINDS else "     -",
        )
        lines.append(f"{kind:<19} {kinds[kind]:10,} {share:5.1f} % {real}")
    classes = Counter(_category(one, expression) for one, expression in said)
    lines += ["", "class               references"]
    lines += [
        f"{name:<19} {classes[name]:10,}" for name in sorted(classes, key=lambda name: (-classes[name], name))
    ]
    lines += ["", "examples"]
    for place in np.linspace(0, len(said) - 1, min(EXAMPLES, len(said))).astype(int):
        one, expression = said[place]
        lines.append(f"  {one.picture.name}: {expression.text}")
    return "\n".join(lines)


def _prepare(picture: AnnotatedImage, options: Options) -> AnnotatedImage:
    """The picture at the size it will be written, with the colours of its objects if they are asked for."""
    scene = picture.scene
    several = {it.category for it, mask in zip(scene.instances, picture.masks, strict=True) if _several(mask)}
    picture = replace(picture, scene=replace(scene, uncountable=scene.uncountable | several))
    if 0 < options.max_side < max(scene.width, scene.height):
        picture = _shrunk(picture, options.max_side)
    if options.colours:
        size = (picture.scene.width, picture.scene.height)
        pixels = np.asarray(open_image(picture.file, "RGB").resize(size, Image.Resampling.BOX))
        seen = [colour_name(pixels[coco.decode(mask).astype(bool)]) for mask in picture.masks]
        named = zip(picture.scene.instances, seen, strict=True)
        instances = tuple(replace(instance, colour=colour) for instance, colour in named)
        picture = replace(picture, scene=replace(picture.scene, instances=instances))
    return picture


def _several(mask: Rle) -> bool:
    """Whether a mask is of several objects annotated as one: two pieces apart, one at least half the other."""
    x, y, w, h = (int(value) for value in coco.toBbox(mask))
    pieces, count = ndimage.label(coco.decode(mask)[y : y + h, x : x + w], np.ones((3, 3)))
    areas = np.sort(np.bincount(pieces.ravel(), minlength=count + 1)[1:])
    return count > 1 and bool(areas[-2] >= PIECE * areas[-1])


def _shrunk(picture: AnnotatedImage, side: int) -> AnnotatedImage:
    """The picture with its longer side at `side` pixels; a class that loses an instance is uncountable."""
    scene, factor = picture.scene, side / max(picture.scene.width, picture.scene.height)
    size = (max(1, round(scene.width * factor)), max(1, round(scene.height * factor)))
    masks = [encode(_resized(mask, size)) for mask in picture.masks]
    kept = [number for number, mask in enumerate(masks) if coco.area(mask)]
    lost = {instance.category for number, instance in enumerate(scene.instances) if number not in kept}
    return replace(
        picture,
        masks=tuple(masks[number] for number in kept),
        scene=replace(
            scene,
            width=size[0],
            height=size[1],
            instances=tuple(instance_of(scene.instances[number].category, masks[number]) for number in kept),
            uncountable=scene.uncountable | lost,
        ),
    )


def _resized(mask: Rle, size: tuple[int, int]) -> np.ndarray:
    """A mask at another size (width, height): pixels covered by half or more."""
    image = Image.fromarray(coco.decode(mask) * np.uint8(255))
    return np.asarray(image.resize(size, Image.Resampling.BOX)) > 127


def _image_file(picture: AnnotatedImage) -> ImageFile:
    """The image as it is written: the file's own bytes, or JPEG of quality 95 where it was shrunk."""
    size = (picture.scene.width, picture.scene.height)
    with Image.open(picture.file) as image:
        if image.size == size:
            return ImageFile(picture.name, *size, picture.file.read_bytes())
    file = io.BytesIO()
    small = open_image(picture.file, "RGB").resize(size, Image.Resampling.LANCZOS)
    small.save(file, "JPEG", quality=95)
    return ImageFile(picture.name, *size, file.getvalue())


def _references(one: Referred) -> Iterator[NewReference]:
    for expression in one.chosen:
        masks = [one.picture.masks[target] for target in expression.targets]
        mask = masks[0] if len(masks) == 1 else coco.merge(masks)
        yield NewReference(one.picture.name, _category(one, expression), one.split, expression.text, mask)


def _category(one: Referred, expression: Expression) -> str:
    return one.picture.scene.instances[expression.targets[0]].category


def _request(options: Options, contents: Sequence[str]) -> dict[str, object]:
    """Everything the set depends on: options, annotations and images by content, this module's version."""
    asked = dataclasses.asdict(options)
    for name in ("coco", "images", "out", "overwrite", "preview"):
        del asked[name]
    asked["name"] = options.name or Path(options.out).resolve().name
    digest = hashlib.sha256(Path(options.coco).read_bytes() + "".join(contents).encode()).hexdigest()
    return {"version": VERSION, "content": digest, **asked}
