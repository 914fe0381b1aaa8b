"""One search from request to result."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.compose import configuration
from bench.config.schema import Config
from bench.storage.store import Store
from bench.tuning.checks import check_request, check_space
from bench.tuning.launch import LAUNCHERS
from bench.tuning.result import Result, write_result
from bench.tuning.space import Search
from bench.tuning.trials import start


@dataclass(frozen=True)
class SearchRequest:
    """A search that can be run: every trial's configuration but for the searched values, and what it is called."""

    search: Search
    config: Config
    overrides: list[str]
    name: str


def checked(search: Search, rest: Sequence[str]) -> SearchRequest:
    """The request, composed and tried out; nothing is started or written.

    Args:
        search: What is searched.
        rest: `key=value` arguments of every trial's configuration.

    Raises:
        UserError: The request is wrong.
    """
    given = {word.partition("=")[0] for word in rest}
    overrides = [*(word for word in search.overrides if word.partition("=")[0] not in given), *rest]
    config = configuration(overrides)
    check_request(search, config, list(rest))
    check_space(search, overrides)
    return SearchRequest(search, config, overrides, config.name or Path(search.source).stem)


def run_search(request: SearchRequest, **asked: Any) -> tuple[Result, int | None]:
    """Makes trials until none is left, or sends workers that go on without this process.

    Args:
        request: What is searched.
        asked: `trials`, `storage` and `command`, as `start` writes them down.

    Returns:
        The result so far, and the workers' exit code; None: jobs go on.

    Raises:
        UserError: The search there was begun with other settings, or a launcher cannot start.
    """
    tuning = start(Store(request.config.store), request.name, request.search, request.overrides, **asked)
    tuning.begin()
    code = LAUNCHERS[request.config.launcher.name](tuning, request.config)
    return write_result(tuning), code
