"""Searching a recipe: spaces as data, trials as cells of the store, workers that share Optuna's storage."""
