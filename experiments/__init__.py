"""Hydra config groups, as package data. The first comment line of each file is what `--help` says of it."""
