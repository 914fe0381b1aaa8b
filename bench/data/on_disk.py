"""A set that the project draws or makes itself is made before it is read. Imports no torch."""

from bench.config.choices import Layout
from bench.config.schema import DataConfig


def on_disk(data: DataConfig) -> DataConfig:
    """The set as it lies on disk, made first unless it is there; several processes may ask at once.

    One of layout coco becomes the set in layout rrsisd that was made of it, under its name: whoever plans with that
    one reads the same sentences however the COCO file changes. Others stay as they are.

    Raises:
        UserError: It cannot be made.
    """
    if data.synthetic is not None:
        from bench.data.synthetic import ensure

        ensure(data)
    if data.layout == Layout.coco:
        from bench.data.from_coco import referring_set

        return referring_set(data)
    return data
