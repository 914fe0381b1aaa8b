"""Which keys of a data set belong to which layout: one that is missing or not read is refused, not passed over."""

from dataclasses import fields
from typing import Any

from bench.config.choices import Layout
from bench.config.schema import DataConfig, ReferConfig
from bench.terminal.errors import UserError

NEEDED: dict[Layout, dict[str, str]] = {
    Layout.manifest: {"file": "FILE, a table .csv, .jsonl or .parquet of image, mask, sentence and split"},
    Layout.coco: {"coco": "FILE of a COCO instance file", "images": "DIR that its file_name is relative to"},
}
READ_BY = {
    "file": (Layout.manifest,),
    "coco": (Layout.coco,),
    "images": (Layout.coco, Layout.refcoco),
    "split_by": (Layout.refcoco,),
    "test_split": (Layout.refcoco,),
    "refer": (Layout.coco,),
}


def check_data(data: DataConfig) -> None:
    """Refuses a data set of which a key is missing, or is of another layout.

    Raises:
        UserError: Naming the key.
    """
    layout = Layout(data.layout)
    for key, what in NEEDED.get(layout, {}).items():
        if not getattr(data, key):
            raise UserError(
                f"data.{key}: is missing, and data={layout} needs it.", f"Pass data.{key}={what}."
            )
    unset: Any = DataConfig()
    for key, layouts in READ_BY.items():
        if layout not in layouts and getattr(data, key) != getattr(unset, key):
            raise UserError(
                f"data.{_first(key, data)}: is not read with data.layout={layout}.",
                f"It belongs to data={' and data='.join(layouts)}.",
            )
    if len(data.bands) not in (0, 1, 3):
        raise UserError(
            f"data.bands=[{','.join(map(str, data.bands))}]: a model reads three bands, or one.",
            "Pass red, green and blue, such as 'data.bands=[4,3,2]', or one band.",
        )


def _first(key: str, data: DataConfig) -> str:
    """The key, and in `refer` the first one that was given."""
    if key != "refer":
        return key
    default = ReferConfig()
    given = (each.name for each in fields(ReferConfig))
    return next(f"refer.{name}" for name in given if getattr(data.refer, name) != getattr(default, name))
