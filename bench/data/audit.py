"""Finds what is wrong with a data set: errors make a sample unusable, warnings are what a reader must know.

Imports no torch.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.config.schema import DataConfig
from bench.data.facts import Facts, ImageFacts, MaskFacts, Progress, audit_folder, choices, read_facts
from bench.data.fingerprint import fingerprint
from bench.data.index import Index, read_index
from bench.data.reference import SPLITS, FileMask, Reference
from bench.images.read import NO_FILE, TURNED
from bench.storage import files

VERSION = 4  # of what is stored of unusable samples; raise it when that changes
BOX_SLACK = 1.0  # pixels a mask may stick out of its box: published boxes are rounded

ERRORS = {
    "missing_image": "image files that are missing",
    "unreadable_image": "image files that cannot be read",
    "turned_image": "images that viewers turn (EXIF orientation); re-save them as shown, or without it",
    "missing_mask": "mask files that are missing",
    "unreadable_mask": "masks that cannot be decoded",
    "empty_mask": "masks without a single pixel",
    "size_mismatch": "masks of another size than their image",
    "duplicate_id": "references that share an id",
    "empty_sentence": "references without a sentence",
    "broken_sentence": "sentences with signs that are no text (control signs, halves of signs)",
}
WARNINGS = {
    "split_leak": "images that are also in another split",
    "other_image": "masks that the list says are of another image",
    "full_mask": "masks that are the whole image",
    "outside_box": "masks that stick out of their box",
    "wrong_area": "areas that are not the mask's",
    "cut_sentence": "sentences cut at max_tokens",
    "unknown_word": "sentences with words that the vocabulary does not know",
    "unknown_category": "references of no known category",
    "paged_image": "images of several pages or frames, of which the first is read",
    "constant_image": "images of one colour all over",
    "transparent_image": "images with transparent pixels, under which training sees the colours and prediction nothing",
    "duplicate": "sentences asked twice of one image",
}
KINDS = ERRORS | WARNINGS
"""Every kind of finding, in plain words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one reference."""

    kind: str
    ref_id: int
    file: str
    message: str


@dataclass(frozen=True)
class Report:
    """What the audit of a set found.

    `counts` holds references and images in all, and references by split and by category and split.
    """

    errors: list[Finding]
    warnings: list[Finding]
    counts: dict[str, Any]

    @property
    def error_ids(self) -> frozenset[int]:
        """Ids of the references that cannot be used."""
        return frozenset(finding.ref_id for finding in self.errors)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def audit(
    data: DataConfig,
    *,
    max_tokens: int,
    tokenizer_length: Callable[[str], int],
    unknown_words: Callable[[str], list[str]] = lambda sentence: [],
    progress: Progress = lambda done, total: None,
) -> Report:
    """Reads every image, mask and sentence of a set.

    Args:
        data: The set.
        max_tokens: Word pieces the model sees of a sentence, with [CLS] and [SEP].
        tokenizer_length: Word pieces a sentence has, uncut.
        unknown_words: Its words that the vocabulary does not know.
        progress: Called with files and masks read and in all.

    Raises:
        UserError: As `read_index`.
    """
    index = read_index(data)
    facts = read_facts(index, data, progress)
    warnings = [*find_warnings(index, facts), *find_cut_sentences(index, max_tokens, tokenizer_length)]
    warnings += find_unknown_words(index, unknown_words)
    return Report(list(find_errors(index, facts)), warnings, _counts(index))


def audit_errors(data: DataConfig, progress: Progress = lambda done, total: None) -> dict[int, str]:
    """The references that cannot be used, by their ids, and why; answers at once for a set that was looked at before.

    Raises:
        UserError: As `read_index`.
    """
    name = "-".join(["unusable", str(VERSION), *choices(data)])
    path = audit_folder(data, fingerprint(data)) / f"{name}.json"
    found = _remembered(path)
    if found is None:
        index = read_index(data)
        errors = find_errors(index, read_facts(index, data, progress))
        found = {}
        for each in errors:
            found.setdefault(each.ref_id, f"ref_id {each.ref_id}, {each.file}: {each.message}")
        files.write_json(path, found)
    return found


def _remembered(path: Path) -> dict[int, str] | None:
    """What `audit_errors` wrote; None also where another program broke it."""
    found = files.read_json(path)
    try:
        return {int(ref_id): str(why) for ref_id, why in found.items()} if isinstance(found, dict) else None
    except ValueError:
        return None


def find_errors(index: Index, facts: Facts) -> Iterator[Finding]:
    """What makes samples unusable."""
    sharing: dict[int, list[Reference]] = defaultdict(list)
    for reference in index.references:
        sharing[reference.ref_id].append(reference)
    for reference, (image, mask) in zip(index.references, facts, strict=True):
        yield from _image_errors(reference, image)
        yield from _mask_errors(reference, mask)
        if not image.error and not mask.error and (image.height, image.width) != (mask.height, mask.width):
            message = f"image {image.width} x {image.height}, mask {mask.width} x {mask.height}"
            yield _finding("size_mismatch", reference, message)
        if len(same := sharing[reference.ref_id]) > 1:
            other = next(each for each in same if each is not reference)
            said = f"{len(same)} references have this id: {reference.sentence!r}, and in {other.image.name} "
            yield _finding("duplicate_id", reference, f"{said}{other.sentence!r}")
        if not is_text(reference.sentence):
            yield _finding("broken_sentence", reference, repr(reference.sentence))
        elif not any(sign.isalnum() for sign in reference.sentence):
            yield _finding("empty_sentence", reference, "the sentence has no words")


def _image_errors(reference: Reference, image: ImageFacts) -> Iterator[Finding]:
    if image.error:
        turned = image.error.startswith(TURNED)
        kind = "missing_image" if image.error == NO_FILE else "turned_image" if turned else "unreadable_image"
        yield _finding(kind, reference, image.error)


def _mask_errors(reference: Reference, mask: MaskFacts) -> Iterator[Finding]:
    file = reference.mask.path if isinstance(reference.mask, FileMask) else reference.image
    if mask.error:
        kind = "missing_mask" if mask.error == NO_FILE else "unreadable_mask"
        yield Finding(kind, reference.ref_id, str(file), mask.error)
    elif mask.area == 0:
        yield Finding(
            "empty_mask", reference.ref_id, str(file), f"no pixel is set{': ' * bool(mask.hint)}{mask.hint}"
        )


def find_warnings(index: Index, facts: Facts) -> Iterator[Finding]:
    """What a reader of the set's numbers must know, sentence lengths aside."""
    for reference, (image, mask) in zip(index.references, facts, strict=True):
        if reference.category not in index.categories:
            yield _finding("unknown_category", reference, f"{reference.category!r} is no category of the set")
        if reference.other_image:
            yield _finding("other_image", reference, reference.other_image)
        if mask.area == 0:
            continue
        if mask[:3] == (image.height, image.width, image.height * image.width):
            yield _finding("full_mask", reference, "every pixel is set")
        if reference.area is not None and abs(reference.area - mask.area) >= 1:
            yield _finding(
                "wrong_area", reference, f"area {reference.area:g}, the mask has {mask.area} pixels"
            )
        if reference.box is not None and (outside := _outside(reference.box, mask)) > BOX_SLACK:
            yield _finding("outside_box", reference, f"the mask sticks out of its box by {outside:g} pixels")
    seen: set[Path] = set()
    for reference, (image, _) in zip(index.references, facts, strict=True):
        if reference.image in seen:
            continue
        seen.add(reference.image)
        if image.constant:
            yield _finding("constant_image", reference, "every pixel has the same colour")
        if image.pages > 1:
            yield _finding("paged_image", reference, f"holds {image.pages} pictures")
        if image.transparent:
            yield _finding("transparent_image", reference, "some pixels are transparent")
    readable = [
        (r, image.pixels) for r, (image, _) in zip(index.references, facts, strict=True) if image.pixels
    ]
    yield from _split_leaks(readable)
    yield from _duplicates(readable)


def find_cut_sentences(
    index: Index, max_tokens: int, tokenizer_length: Callable[[str], int]
) -> Iterator[Finding]:
    """Sentences of which the model does not see the end."""
    for reference in _readable(index):
        if (length := tokenizer_length(reference.sentence)) > max_tokens:
            message = f"{length} word pieces, max_tokens is {max_tokens}: {reference.sentence}"
            yield _finding("cut_sentence", reference, message)


def find_unknown_words(index: Index, unknown_words: Callable[[str], list[str]]) -> Iterator[Finding]:
    """Sentences with words that a model cannot tell from one another."""
    for reference in _readable(index):
        if found := unknown_words(reference.sentence):
            message = f"{', '.join(dict.fromkeys(found))}: {reference.sentence}"
            yield _finding("unknown_word", reference, message)


def is_text(sentence: str) -> bool:
    """Whether a sentence is text throughout: no control signs but blanks, no halves of signs (lone surrogates)."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs") and not sign.isspace() for sign in sentence)


def _readable(index: Index) -> Iterator[Reference]:
    """The references whose sentence a tokenizer can read."""
    return (reference for reference in index.references if is_text(reference.sentence))


def _outside(box: tuple[float, float, float, float], mask: MaskFacts) -> float:
    """How many pixels the mask's tight box lies outside a box x0 y0 x1 y1."""
    left, top, right, bottom = box
    return max(left - mask.left, top - mask.top, mask.right - right, mask.bottom - bottom)


def _split_leaks(readable: Iterable[tuple[Reference, str]]) -> Iterator[Finding]:
    """One finding for each image file whose pixels were met in another split before."""
    first: dict[str, Reference] = {}
    seen: set[Path] = set()
    for reference, pixels in readable:
        other = first.setdefault(pixels, reference)
        if other.split != reference.split and reference.image not in seen:
            seen.add(reference.image)
            message = f"in {reference.split}; the same picture is {other.image.name} in {other.split}"
            yield _finding("split_leak", reference, message)


def _duplicates(readable: Iterable[tuple[Reference, str]]) -> Iterator[Finding]:
    """One finding for each sentence asked before of the same picture."""
    first: dict[tuple[str, str], Reference] = {}
    for reference, pixels in readable:
        other = first.setdefault((pixels, " ".join(reference.sentence.lower().split())), reference)
        if other is not reference:
            message = f"ref_id {other.ref_id} asks the same: {reference.sentence}"
            yield _finding("duplicate", reference, message)


def _finding(kind: str, reference: Reference, message: str) -> Finding:
    return Finding(kind, reference.ref_id, str(reference.image), message)


def _counts(index: Index) -> dict[str, Any]:
    categories: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for reference in index.references:
        categories[reference.category][reference.split] += 1
    return {
        "references": len(index.references),
        "images": len({reference.image for reference in index.references}),
        "splits": {split: len(index.split(split)) for split in SPLITS},
        "categories": dict(sorted(categories.items())),
    }
