"""Where cells run. A launcher takes cells, returns when they are done or failed, and leaves results in the store.

`LAUNCHERS` starts them here, `slurm.submit` on a cluster; `cell_status.study_status` tells how they stand,
`watch.watch` shows it, `cancel` and `rubbish` take away what is not wanted. Nothing is imported before it is asked for:
`bench.status` reads job states from here and must answer at once. Imports training, profiling and studies; searches and
commands may import it.
"""

import importlib
from collections.abc import Callable

from bench.config.choices import LauncherKind
from bench.config.schema import LauncherConfig
from bench.storage.cell import Cell

Launcher = Callable[[list[Cell], LauncherConfig, int], None]


def _named(kind: LauncherKind) -> Launcher:
    def launch(cells: list[Cell], config: LauncherConfig, planned: int) -> None:
        importlib.import_module(f"bench.launch.{kind.value}").launch(cells, config, planned)

    return launch


LAUNCHERS: dict[LauncherKind, Launcher] = {
    kind: _named(kind) for kind in LauncherKind if kind != LauncherKind.slurm
}
