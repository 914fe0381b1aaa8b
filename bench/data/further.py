"""Sets that are scored beside the one trained on: their names and what is read of them. Imports no torch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.config.choices import Layout
from bench.config.further import KEY, as_mapping, further_data
from bench.config.schema import Config, DataConfig
from bench.data.facts import Progress
from bench.data.on_disk import on_disk
from bench.data.own_name import with_own_name
from bench.data.reference import Reference
from bench.data.source import source
from bench.data.usable import usable_references
from bench.storage.splits import TEST
from bench.terminal.errors import UserError


def with_own_names(config: Config) -> Config:
    """The configuration with every set under the name it gives itself.

    A further set that is the one trained on is left out: its test split is scored anyway, and a study on several sets
    may name them all.

    Raises:
        UserError: Two sets have one name, or two drawn sets one folder.
    """
    data = with_own_name(config.data)
    further = [with_own_name(each) for each in further_data(config)]
    also, names = [], {data.name: data}
    for entry, each in zip(map(as_mapping, config.protocol.also), further, strict=True):
        if _place(each) == _place(data):
            _refuse_one_folder(each, data)
            continue
        if each.name in names:
            raise UserError(
                f"{KEY}: two sets are called {each.name} ({source(names[each.name])} and {source(each)}).",
                f"Give one a name: '{KEY}=[{{data: {entry['data']}, ..., name: NAME}}]'.",
            )
        names[each.name] = each
        also.append(entry | {"name": each.name})
    return replace(config, data=data, protocol=replace(config.protocol, also=also))


def with_sets_made(config: Config) -> Config:
    """The configuration with every set as it lies on disk (`on_disk`), made first unless it is there."""
    sets = zip(map(as_mapping, config.protocol.also), further_data(config), strict=True)
    also = [_made(entry, on_disk(each)) if each.layout == Layout.coco else entry for entry, each in sets]
    return replace(config, data=on_disk(config.data), protocol=replace(config.protocol, also=also))


def _made(entry: dict[str, Any], data: DataConfig) -> dict[str, Any]:
    """The entry of a further set that was made of another: of layout rrsisd now, under its name."""
    return {"data": str(data.layout), "root": data.root, "name": entry.get("name", data.name)}


def further_references(
    data: DataConfig, progress: Progress = lambda done, total: None
) -> tuple[tuple[Reference, ...], int]:
    """The references of a further set's test split that can be used, and how many were left out.

    Args:
        data: The set; of its other splits nothing is needed.
        progress: As in `usable_references`.

    Raises:
        UserError: As `usable_references`, naming `protocol.also`.
    """
    try:
        usable, left_out = usable_references(data, progress, needed=(TEST,))
    except UserError as error:
        raise UserError(
            f"{KEY}, {data.name}: {error.what}",
            f"{error.remedy} This set's keys stand in its entry: '{KEY}=[{{data: ..., root: DIR}}]'.",
        ) from None
    return usable[TEST], left_out[TEST]


def _place(data: DataConfig) -> tuple[str, ...]:
    places = (data.root, data.file, data.coco, data.images)
    return data.layout.value, *(str(Path(place or "").resolve()) for place in places)


def _refuse_one_folder(further: DataConfig, data: DataConfig) -> None:
    if further.synthetic != data.synthetic:
        raise UserError(
            f"{KEY}, {further.name}: other scenes in the folder of those trained on ({data.root}).",
            f"Give them one: '{KEY}=[{{data: synthetic, root: DIR, name: NAME, synthetic: {{seed: 1}}}}]'.",
        )
