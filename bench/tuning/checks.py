"""What was asked for, before anything is trained: whether a search can mean it, and the plan in words."""

from bench.config.choices import Split
from bench.config.request import Request
from bench.config.schema import Config
from bench.terminal.errors import UserError
from bench.tuning.space import Search
from bench.tuning.trials import prepare_trials


def check_request(search: Search, config: Config, rest: list[str]) -> None:
    """Refuses what a search cannot mean.

    Raises:
        UserError: The test split, a study, several seeds or processes, or a searched key on the command line.
    """
    if config.protocol.select == Split.test:
        raise UserError(
            "protocol.select=test: a search never sees the test split.",
            "Leave it out: epochs are chosen on val.",
        )
    if config.ablation is not None:
        raise UserError(
            f"ablation={config.ablation}: a search trains one model, not a study.",
            "Choose it with model=NAME.",
        )
    if len(config.seeds) > 1:
        raise UserError(
            f"seeds={config.seeds}: a trial is trained with one seed.",
            "Give one, and run the recipe that is found with several.",
        )
    for key in ("processes", "nodes"):
        if (given := getattr(config.launcher, key)) == 1:
            continue
        raise UserError(
            f"launcher.{key}={given}: a trial is trained by one process.",
            "Give workers= instead: as many trials are trained at once.",
        )
    for key in Request.parse(rest).keys:
        if key in search.space:
            raise UserError(
                f"{key} is given, but {search.source} searches it.",
                "Leave it out here, or out of the space.",
            )


def check_space(search: Search, overrides: list[str]) -> None:
    """Tries the ends of every range and every choice before anything is trained.

    Raises:
        UserError: A value that cannot be used, or a key that changes nothing in this model.
    """
    trials = {
        f"{key}={value}": {key: value} for key, dimension in search.space.items() for value in dimension.ends
    }
    cells = {cell.row: cell.id for cell in prepare_trials(search.source, overrides, trials).cells}
    for key, dimension in search.space.items():
        if len({cells[f"{key}={value}"] for value in dimension.ends}) < len(dimension.ends):
            raise UserError(
                f"{search.source}, space: {key}: this model does not depend on it.",
                "Take it out of the space, or choose another model.",
            )


def plan_in_words(search: Search, name: str, trials: int) -> str:
    """What `dry_run=true` prints."""
    lines = [f"{name}: {search.title}"]
    lines += [f"  {key:<26} {dimension}" for key, dimension in search.space.items()]
    lines.append(f"{trials} trials, chosen by {search.sampler.name}, given up by {search.pruner.name}")
    return "\n".join(lines)
