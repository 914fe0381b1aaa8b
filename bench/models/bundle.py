"""A model with all that prediction needs (sizes, vocabulary), as one safetensors file or as a folder.

A folder holds model.safetensors, config.json and the vocabulary (tokenizer.json or vocab.txt); a file has the
other two in its metadata. Nothing else is needed to read either, neither the hub nor the store.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from bench.config.choices import Decoupler, Stretch
from bench.config.schema import ModelConfig, TextConfig
from bench.models.build import build_model
from bench.models.inputs import MEAN, STD
from bench.models.read_weights import listing, load_into, plain_arrays, read_safetensors
from bench.models.released import outline
from bench.models.vocabulary import VOCABULARY_FILES, fitting_tokenizer
from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.terminal.arguments import explain, literal
from bench.terminal.command_line import command_line, word
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer

FORMAT = 1
WEIGHTS, CONFIG = "model.safetensors", "config.json"
REMEDY = "Export it again, or copy it again if it was cut off on the way."


@dataclass(frozen=True)
class Bundle:
    """A model in eval mode and how to feed it.

    Args:
        model: The segmenter, ours or another package's.
        config: Its names and sizes; nothing in it is pretrained, the weights are all here.
        vocab_size: Word pieces it has vectors for.
        size: Side of the square images it reads, in pixels.
        max_tokens: Word pieces a sentence is cut or padded to.
        vocabulary: Name and content of one tokenizer file; empty: not known, prediction must be given one.
        source: Where it comes from, for people.
        decoupler: How sentences were split into object and position words in training.
        categories: Class names of its data, which the decoupler `nltk` looks for.
        stretch: How images of more than 8 bits were read in training.
        bands: Which bands were red, green and blue (or the one that was grey), from 1; empty: what each file said.
    """

    model: nn.Module
    config: ModelConfig
    vocab_size: int
    size: int
    max_tokens: int
    vocabulary: Mapping[str, str]
    source: str
    decoupler: Decoupler = Decoupler.rules
    categories: tuple[str, ...] = ()
    stretch: Stretch = Stretch.percentile
    bands: tuple[int, ...] = ()

    def description(self) -> dict[str, Any]:
        """What `config.json` says."""
        text = replace(self.config.text, pretrained=None)
        encoder = replace(self.config.encoder, pretrained=None)
        return {
            "format": FORMAT,
            "model": asdict(replace(self.config, text=text, encoder=encoder)),
            "vocab_size": self.vocab_size,
            "size": self.size,
            "max_tokens": self.max_tokens,
            "decoupler": self.decoupler,
            "categories": list(self.categories),
            "stretch": self.stretch,
            "bands": list(self.bands),
            "source": self.source,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "inputs": {
                "image": f"(B,3,{self.size},{self.size}) float32: RGB / 255, less mean, divided by std",
                "mean": MEAN,
                "std": STD,
                "ids, context_mask, object_mask, position_mask": f"(B,{self.max_tokens}) int64; masks are applied as "
                "given: without object or position words pass the context mask",
            },
            "output": f"logits (B,2,{self.size},{self.size}); the mask is where class 1 is larger",
        }

    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the vocabulary in it, if there is one.

        Raises:
            UserError: It cannot be read, or has more pieces than the model.
        """
        if not self.vocabulary:
            return None
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.vocabulary.items():
                (Path(folder) / name).write_text(content, encoding="utf-8")
            return fitting_tokenizer(folder, self.vocab_size, self.source)


def save_bundle(bundle: Bundle, path: Path) -> list[Path]:
    """Writes a folder, or one file where the path ends in `.safetensors`.

    Returns:
        What was written.

    Raises:
        UserError: As `refuse_others_files`.
    """
    refuse_others_files(path)
    weights = {key: value.contiguous().cpu() for key, value in bundle.model.state_dict().items()}
    description = bundle.description()
    if path.suffix == ".safetensors":
        metadata = {CONFIG: json.dumps(description), **bundle.vocabulary}
        files.write_bytes(path, safetensors.torch.save(weights, metadata))
        return [path]
    written = [path / WEIGHTS, path / CONFIG, *(path / name for name in bundle.vocabulary)]
    for name in VOCABULARY_FILES:  # of a model exported here before
        (path / name).unlink(missing_ok=True)
    files.write_json(path / CONFIG, description)  # first: it marks the folder as a bundle's
    files.write_bytes(path / WEIGHTS, safetensors.torch.save(weights))
    for name, content in bundle.vocabulary.items():
        files.write_text(path / name, content)
    return written


def refuse_others_files(path: Path, also: Iterable[str] = ()) -> None:
    """Refuses a folder or file that a bundle would replace and that is none.

    Args:
        path: As in `save_bundle`.
        also: Further names that would be replaced in a folder.

    Raises:
        UserError: Naming what would be lost.
    """
    if path.suffix != ".safetensors":
        said = files.read_json(path / CONFIG)
        refuse_foreign(path, [WEIGHTS, CONFIG, *VOCABULARY_FILES, *also], mine=_is_description(said))
        return
    try:
        content = read_safetensors(path)[1].get(CONFIG, "") if path.is_file() else ""
        mine = _is_description(json.loads(content or "null"))
    except (UserError, ValueError):
        mine = False
    if path.exists() and not mine:
        raise UserError(
            f"out={path}: is there already, and was not written by this command.", "Pass another name."
        )


def _is_description(said: Any) -> bool:
    """Whether a config.json is one of ours: other libraries call theirs so too."""
    return isinstance(said, dict) and {"format", "model", "vocab_size", "max_tokens"} <= said.keys()


def load_bundle(path: str | Path) -> Bundle:
    """Reads what `save_bundle` wrote. No code in it runs, and no more memory is used than its weights take.

    A model of another package is built by that package, which must be installed in the version that it was made with.

    Raises:
        UserError: No such thing, another kind of file, cut off, or sizes that are not those of the weights.
    """
    path = Path(path)
    _refuse_others(path)
    file = path / WEIGHTS if path.is_dir() else path
    state, metadata = read_safetensors(file)
    state = plain_arrays(state, file)
    if path.is_dir():
        metadata = {
            name: _read_text(path / name) for name in (CONFIG, *VOCABULARY_FILES) if (path / name).is_file()
        }
    values = _description(metadata.get(CONFIG), path)
    config = _model_config(values["model"], path)
    built, pieces = config, values["vocab_size"]
    if not config.plugin:
        if not any(key.startswith("text.") for key in state):  # nothing in the model reads the sentence
            built, pieces = replace(config, text=TextConfig(width=8, layers=1, heads=1)), 1
        _check_counts(built, len(state), path)
    shapes = outline(built, pieces, values["size"])
    wrong = [
        key for key in shapes.keys() | state.keys() if key not in state or shapes.get(key) != state[key].shape
    ]
    if wrong:
        raise UserError(
            f"{path}: {len(wrong)} weights are not those its config names: {listing(sorted(wrong), 3)}.",
            REMEDY,
        )
    model = build_model(built, pieces, values["size"])
    load_into(model, state, path)
    carried = {name: metadata[name] for name in VOCABULARY_FILES if name in metadata}
    return Bundle(
        model.eval(),
        config,
        values["vocab_size"],
        values["size"],
        values["max_tokens"],
        dict(list(carried.items())[:1]),
        str(path),
        values["decoupler"],
        values["categories"],
        values["stretch"],
        values["bands"],
    )


def _refuse_others(path: Path) -> None:
    """Says what to do with what is no bundle but could be taken for one."""
    if not path.exists():
        raise UserError(
            f"{path}: no such file or folder.", "Pass what `bench.weights export` or `import` wrote."
        )
    if (path / "cell.json").is_file():
        cell, store = path.resolve().name, word("store", path.resolve().parents[1])
        export = command_line("bench.weights", "export", f"cell={cell}", store, "out=exported")
        raise UserError(f"{path}: this is a cell of a store.", f"Export it: {export}")
    if path.is_dir() and not ((path / WEIGHTS).is_file() and (path / CONFIG).is_file()):
        raise UserError(
            f"{path}: holds no {WEIGHTS} with {CONFIG}.", "Pass a folder that `bench.weights export` wrote."
        )
    if path.is_file() and path.suffix != ".safetensors":
        raise UserError(
            f"{path}: not a .safetensors file.",
            "A released checkpoint is imported first: "
            + command_line("bench.weights", "import", word("file", path), "out=out.safetensors"),
        )


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except ValueError as error:
        raise UserError(f"{file}: not UTF-8 text ({error}).", REMEDY) from error


def _description(content: str | None, path: Path) -> dict[str, Any]:
    """`config.json`, checked but for the model's part."""
    try:
        values = json.loads(content or "")
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not isinstance(values.get("model"), dict):
        raise UserError(
            f"{path}: holds weights, but no {CONFIG} that says of which model.",
            "Pass what `python -m bench.weights export` or `import` wrote.",
        )
    if values.get("format") != FORMAT:
        raise UserError(
            f"{path}: its {CONFIG} has format {values.get('format')!r}, this version reads {FORMAT}.",
            "Export it again with this version.",
        )
    for key, least, most in (("vocab_size", 1, 10**7), ("size", 1, 10**4), ("max_tokens", 3, 512)):
        if type(values.get(key)) is not int or not least <= values[key] <= most:
            raise UserError(f"{path}: {key}={values.get(key)!r} in its {CONFIG} cannot be.", REMEDY)
    try:
        values["decoupler"] = Decoupler(values.get("decoupler", Decoupler.rules))
        values["stretch"] = Stretch(values.get("stretch", Stretch.percentile))
        values["bands"] = tuple(int(band) for band in values.get("bands", ()))
        if len(values["bands"]) not in (0, 1, 3):
            raise ValueError(f"bands={list(values['bands'])}")
        values["categories"] = tuple(str(name) for name in values.get("categories", ()))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: its {CONFIG} cannot be used ({error}).", REMEDY) from error
    return values


def _model_config(values: dict[str, Any], path: Path) -> ModelConfig:
    if "${" in json.dumps(values):  # OmegaConf would resolve it
        raise UserError(f"{path}: its {CONFIG} refers to something outside it.", REMEDY)
    try:
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelConfig), literal(values)))
    except OmegaConfBaseException as error:
        raise explain(error, str(path)) from None
    assert isinstance(config, ModelConfig)
    config.text.pretrained = config.encoder.pretrained = None  # reading a file fetches nothing
    return config


def _check_counts(config: ModelConfig, most: int, path: Path) -> None:
    """Refuses more layers than there are weights, before any layer is laid out."""
    counts = [*config.encoder.depths, config.text.layers, config.tmem.blocks]
    if not all(0 <= count <= most for count in counts):
        raise UserError(f"{path}: its {CONFIG} names more layers than there are weights.", REMEDY)
