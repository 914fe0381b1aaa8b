"""What a model costs: counted on paper (`counts`), measured on this machine (`latency`), part by part (`parts`).

`profile.profile` does both for a list of configurations, `tables.show` prints it, `memory` counts what training keeps.
Imports models, configuration and storage; launchers (for memory requests) and `bench.profile` may import it.
"""
