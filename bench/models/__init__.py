"""Models: building them by name, and their weights from and to files.

`build.build_model` makes the model of a configuration; `bundle` is a model with all that prediction needs, as files;
`released` reads published checkpoints, `export` a cell's best model; `inputs` says what every model takes. `build`,
`pretrained`, `vocabulary` and `reference_keys` import no torch until something is built. Imports terminal,
configuration and storage, never data; every room from inference on may import it.
"""
