"""Where cells run. A launcher takes ids, returns when they are done or failed, and leaves results in the store."""

from collections.abc import Callable

from bench.config import LauncherConfig, LauncherKind
from bench.launch.inline import launch as inline
from bench.launch.local import launch as local
from bench.store import Cell

Launcher = Callable[[list[Cell], LauncherConfig, int], None]

LAUNCHERS: dict[LauncherKind, Launcher] = {LauncherKind.inline: inline, LauncherKind.local: local}
