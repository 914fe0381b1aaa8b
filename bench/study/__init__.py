"""From a request to a plan: which cells a study has, checked before anything starts.

`prepare.prepare` makes the `plan.Plan` that launchers, estimates and reports are given; `definition` reads a study's
YAML. Imports config, storage, data and models, and asks the door of `reports` which printed numbers are known. Launch,
tuning and the commands may import it.
"""
