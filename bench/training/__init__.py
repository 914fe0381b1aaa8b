"""Training: from a planned cell to its scores and files.

`cell.run_cell` brings one cell to `done` and never raises; inside it `result.make_result` builds, `train.train` trains,
`evaluate.evaluate` scores. `cell`, `interrupt`, `distributed` and `team` import no torch until a cell is trained.
Imports models, data, inference, tracking and storage; launchers, searches and `bench.cell` may import it.
"""
