"""Where a data set lies, as the user said it. Imports no torch."""

from dataclasses import fields
from pathlib import Path

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.terminal.command_line import word
from bench.terminal.errors import UserError

PLACES = ("file", "root", "images", "split_by", "test_split")
"""Keys that say where a set lies and what of it is read."""


def source(data: DataConfig) -> str:
    """The key and value that a set is found by, to begin a message with."""
    if data.layout == Layout.manifest:
        return f"data.file={data.file}"
    return f"data.coco={data.coco}" if data.layout == Layout.coco else f"data.root={data.root}"


def words(data: DataConfig) -> list[str]:
    """The arguments that name a set, for a command to be typed."""
    default = {field.name: field.default for field in fields(DataConfig)}
    given = {key: getattr(data, key) for key in PLACES}
    said = [
        word(f"data.{key}", value) for key, value in given.items() if value not in (None, "", default[key])
    ]
    if data.bands:
        said.append(f"data.bands=[{','.join(map(str, data.bands))}]")
    return [f"data={Layout(data.layout)}", *said]


def existing_root(data: DataConfig) -> Path:
    """The folder of a set.

    Raises:
        UserError: There is no such folder.
    """
    root = Path(data.root)
    if not root.is_dir():
        raise UserError(
            f"data.root={data.root}: there is no such folder.",
            "Pass data.root=DIR where the set lies, or make one: `python -m bench.refer coco= images= out=`.",
        )
    return root
