"""Searching a recipe: spaces as data, trials as cells of the store, workers that share Optuna's storage.

`search.checked` and `search.run_search` are one search from request to result; `worker` is the process that makes
trials. Imports every room below it, the launchers among them; `bench.tune` alone imports it.
"""
