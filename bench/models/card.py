"""The model card that lies beside exported weights: README.md as the Hugging Face hub reads it.

It says what the cell's files say and nothing more. Names that come from data, configurations and other packages are
escaped: none of them can add a heading, a link or a key. Folders of this machine are not in it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from bench.config.compose import restore
from bench.config.schema import Config, named_weights
from bench.models.bundle import Bundle
from bench.storage.cell import Cell, Record
from bench.storage.history import chosen_epoch
from bench.storage.image_sums import image_intervals
from bench.storage.metrics import NAMES
from bench.storage.splits import TEST, further_set

CARD = "README.md"
TASK = "Referring remote sensing image segmentation"
SHUFFLED = "shuffled"  # the control: scores of it are no result
_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:@-])")


def model_card(cell: Cell, bundle: Bundle) -> str:
    """The card of a finished cell's best model.

    Args:
        cell: The cell.
        bundle: Its model.

    Returns:
        YAML front matter, then Markdown.
    """
    config, metrics = restore(cell.config()), cell.metrics() or {}
    front = yaml.safe_dump(front_matter(cell, config, metrics), sort_keys=False, allow_unicode=True)
    sections = (
        _heading(bundle, config),
        _data(config, metrics),
        _scores(cell, config, metrics),
        _recipe(config, metrics),
        _origin(cell, bundle),
        _use(bundle),
        _limits(config),
        _licence(),
    )
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


def front_matter(cell: Cell, config: Config, metrics: Record) -> dict[str, Any]:
    """What the hub reads of a card. The licence is left for whoever publishes to say.

    Args:
        cell: The cell.
        config: Its configuration.
        metrics: Its scores, in percent.
    """
    return {
        "license": "unknown",
        "language": ["en"],
        "library_name": "fianet-bench",
        "pipeline_tag": "image-segmentation",
        "tags": ["referring-image-segmentation", "remote-sensing", hub_name(config.model.name)],
        "datasets": [hub_name(config.data.name)],
        "metrics": [metric_type(name) for name in NAMES],
        "model-index": [
            {
                "name": f"{_plain(config.model.name)} {_plain(cell.id)}",
                "results": [
                    _result(config, split, score)
                    for split, score in metrics.get("scores", {}).items()
                    if split != SHUFFLED
                ],
            }
        ],
    }


def hub_name(text: str) -> str:
    """A name as the hub's fields take it: letters, digits and single `-`, `_`, `.`."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.") or "unnamed"


def metric_type(name: str) -> str:
    """What the hub calls a score: `P@0.5` is `precision_at_0.5`."""
    known = {"mIoU": "mean_iou", "oIoU": "overall_iou"}
    return known.get(name) or name.replace("P@", "precision_at_")


def escaped(text: object) -> str:
    """Any text as one line of Markdown that means just these letters."""
    return _SIGNS.sub(r"\\\1", _plain(text))


def _plain(text: object) -> str:
    """One line of letters that can be printed."""
    line = " ".join(str(text).split()).encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _result(config: Config, split: str, score: Mapping[str, float]) -> Record:
    name = further_set(split) or config.data.name
    return {
        "task": {"type": "image-segmentation", "name": TASK},
        "dataset": {
            "type": hub_name(name),
            "name": _plain(name),
            "split": TEST if further_set(split) else _plain(split),
        },
        "metrics": [
            {"type": metric_type(each), "name": each, "value": round(float(score[each]), 2)}
            for each in NAMES
            if each in score
        ],
    }


def _heading(bundle: Bundle, config: Config) -> str:
    total = sum(parameter.numel() for parameter in bundle.model.parameters())
    return (
        f"# {escaped(config.model.name)}, trained on {escaped(config.data.name)}\n\n"
        f"{TASK}: an overhead image and an English sentence in, the mask of what the sentence means out. "
        f"{total:,} parameters; images are resized to {bundle.size} x {bundle.size} pixels, sentences cut "
        f"to {bundle.max_tokens - 2} word pieces."
    )


def _data(config: Config, metrics: Record) -> str:
    counts = metrics.get("counts", {})
    rows = [(escaped(split), f"{count:,}") for split, count in counts.items() if count and split != SHUFFLED]
    lines = ["## Data", "", *_table(("split", "expressions"), rows)]
    if subset := metrics.get("subset"):
        lines += ["", f"Trained on {subset['images']:,} of {subset['of']:,} training images."]
    if config.data.synthetic is not None:
        lines += ["", "The scenes were drawn by a program; nothing here is a photograph."]
    return "\n".join(lines)


def _scores(cell: Cell, config: Config, metrics: Record) -> str:
    scores = metrics.get("scores", {})
    rows = [
        (escaped(split), *(f"{score[name]:.2f}" if name in score else "" for name in NAMES))
        for split, score in scores.items()
    ]
    protocol = config.protocol
    seed = _plain(cell.description().get("identity", {}).get("seed", "unknown"))
    control = (
        " `shuffled` is the control: test images with the sentences of others." if SHUFFLED in scores else ""
    )
    epoch = chosen_epoch(metrics)
    chosen = (
        f"{epoch}, chosen on {escaped(protocol.select)} by {escaped(protocol.metric)}."
        if epoch
        else "Scored without training."
    )
    return "\n".join(
        [
            "## Scores",
            "",
            *_table(("percent", *NAMES), [*rows, *_intervals(cell, scores)]),
            "",
            f"{chosen} Masks were compared at {escaped(protocol.size)} size, object and "
            f"position words found by {escaped(protocol.decoupler)}.{control}",
            "",
            f"**One seed ({escaped(seed)}): no claim about the method.** Another training of the same recipe scores "
            "otherwise. Intervals (95 %, bootstrap) are over other images of the same kind, for this one model; those "
            "over seeds and images together, and tests, are in the study's report.",
        ]
    )


def _intervals(cell: Cell, splits: Iterable[str]) -> list[list[str]]:
    """A row of every split whose expressions are stored."""
    samples = cell.samples(["split", "image_id", "intersection", "union"])
    if samples is None:
        return []
    rows = []
    for split in splits:
        own = samples[samples["split"] == split]
        if len(own):
            found = image_intervals(own["intersection"].array, own["union"].array, own["image_id"].array)
            spans = (f"{low:.2f} to {high:.2f}" for low, high in (found[name] for name in NAMES))
            rows.append([f"{escaped(split)}, interval", *spans])
    return rows


def _recipe(config: Config, metrics: Record) -> str:
    starts = {
        "image encoder starts from": config.model.encoder.pretrained,
        "sentence encoder starts from": config.model.text.pretrained,
    }
    rows = [(escaped(key), escaped(value)) for key, value in asdict(config.recipe).items()]
    rows += [
        (what, escaped(Path(weights).name) if (weights := named_weights(given)) else "random weights")
        for what, given in starts.items()
    ]
    return "\n".join(["## Training", "", *_table(("key", "value"), rows)])


def _origin(cell: Cell, bundle: Bundle) -> str:
    about, identity = cell.environment(), cell.description().get("identity", {})
    data = identity.get("data", {})
    facts = {
        "cell": cell.id,
        "data fingerprint": data.get("fingerprint"),
        "commit of the code": about.get("commit"),
        "device": about.get("device"),
        "precision": cell.precision(),
        "torch": about.get("torch"),
        "decoupler": bundle.decoupler,
    }
    rows = [(name, escaped(value)) for name, value in facts.items() if value]
    return "\n".join(["## Identity", "", *_table(("what", "value"), rows)])


def _use(bundle: Bundle) -> str:
    plugin = bundle.config.plugin
    package = (
        f"\n\nThe model is another package's: install what provides {escaped(plugin)} too." if plugin else ""
    )
    return (
        "## Use\n\n"
        "With `fianet-bench` installed and these files in the folder `model`:\n\n"
        "```\n"
        'python -m bench.predict weights=model image=scene.png text="the ship at the top"\n'
        "```\n\n"
        "```python\n"
        "from bench.weights import load\n\n"
        'model = load("model")  # in eval mode; config.json says what it takes and gives\n'
        f"```{package}"
    )


def _limits(config: Config) -> str:
    lines = [
        "It was scored on the splits above alone: nothing is known of other sensors, resolutions, regions or wordings.",
        "No score here says whether the mask stays empty for a sentence that means nothing in its image.",
        f"The whole image is resized to {config.recipe.size} pixels a side: what is a few pixels wide then is lost.",
        "The scores above are of one training; none of them says how it compares with another method.",
    ]
    if config.data.synthetic is not None:
        lines.append("Scores on drawn scenes say nothing about photographs.")
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _licence() -> str:
    return (
        "## Licence\n\n"
        "Not stated. The weights follow from the images, the sentences and the pretrained weights they were made of, "
        "whose licences these files do not hold: look at them, then say yours as `license:` at the top."
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a Markdown table, its cells escaped already."""
    head = list(head)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return [f"| {' | '.join(line)} |" for line in lines]
