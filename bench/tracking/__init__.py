"""MLflow beside the store: a mirror that can be made anew, and live news from running cells.

`sync.sync` makes MLflow equal to the store, `sync.Mirrored` does so and never fails, `live.live` mirrors a cell while
it trains. Imports storage and configuration only; training, `bench.run`, `bench.tune` and `bench.track` may import it.
"""
