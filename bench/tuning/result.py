"""What a search found: the best recipe as a file for `bench.run recipe=FILE`, a table of trials, and two figures."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench.config.compose import plain
from bench.storage import files
from bench.terminal.command_line import command_line, word
from bench.tuning.trials import WORDS, Tuning, counted, nested, spelled
from reports import Trial, draw_search

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ATTRIBUTES = ("cell", "retry_of")
FEWEST = 4  # finished trials from which on importances say anything


@dataclass(frozen=True)
class Result:
    """Where a search stands.

    Attributes:
        name: The search.
        metric: What was searched for, on val (percent).
        counts: Trials by state.
        best: The best finished trial: `trial`, `value`, `cell`, `values`; None before the first.
        start: The score of the recipe as it was; None where it is outside the space, given up or not done.
        importance: How much of the scores' spread each key explains, largest first; empty before there are enough.
        recipe: The recipe file.
        figures: Figure files.
    """

    name: str
    metric: str
    counts: dict[str, int]
    best: dict[str, Any] | None
    start: float | None
    importance: dict[str, float]
    recipe: Path | None
    figures: list[Path]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        paths = {"recipe": str(self.recipe) if self.recipe else None, "figures": list(map(str, self.figures))}
        return {**self.__dict__, **paths}


def write_result(tuning: Tuning) -> Result:
    """Writes recipe.yaml, trials.csv, result.json and the figures from the trials as they are now."""
    trials = tuning.study.get_trials(deepcopy=False)
    finished = [trial for trial in trials if trial.value is not None and trial.state.name == "COMPLETE"]
    (base,) = tuning.base.cells
    metric = base.config.protocol.metric.value
    best = max(finished, key=lambda trial: (trial.value, -trial.number), default=None)
    starts = [trial.value for trial in finished if "start" in trial.user_attrs]
    importance = _importance(tuning, finished)
    result = Result(
        name=tuning.name,
        metric=metric,
        counts=_counts(trials),
        best=_best(best) if best else None,
        start=starts[0] if starts else None,
        importance=importance,
        recipe=_write_recipe(tuning, best, metric, counted(trials)) if best else None,
        figures=draw_search(list(map(_plain, trials)), metric, importance, tuning.folder) if best else [],
    )
    files.write_text(tuning.folder / "trials.csv", _table(trials))
    files.write_json(tuning.folder / "result.json", result.as_dict())
    tuning.write_record()
    return result


def _counts(trials: "list[FrozenTrial]") -> dict[str, int]:
    """Trials by state; one that lost its worker and was begun again counts in its second state only."""
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    states = [WORDS[trial.state.name] for trial in trials if trial.number not in retried]
    return {word: states.count(word) for word in WORDS.values() if word in states}


def _best(trial: "FrozenTrial") -> dict[str, Any]:
    return {
        "trial": trial.number,
        "value": trial.value,
        "cell": trial.user_attrs["cell"],
        "values": trial.params,
    }


def _importance(tuning: Tuning, finished: "list[FrozenTrial]") -> dict[str, float]:
    """PED-ANOVA: fast, and about what makes trials good rather than what makes them differ."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    if len(finished) < FEWEST or len({trial.value for trial in finished}) < 2:
        return {}
    found = get_param_importances(tuning.study, evaluator=PedAnovaImportanceEvaluator())
    # NaN where nothing varied
    return {key: round(value, 6) for key, value in found.items() if value == value}


def _write_recipe(tuning: Tuning, best: "FrozenTrial", metric: str, trials: int) -> Path:
    """The whole recipe of the best trial and the searched keys of its model: with them `bench.run` finds its cell."""
    (planned,) = tuning.prepare({"best": best.params}).cells
    config = plain(planned.config)
    models = nested({key: value for key, value in best.params.items() if key.startswith("model.")})
    values = {"recipe": config["recipe"]} | models
    path = tuning.folder / "recipe.yaml"
    use = command_line("bench.run", word("recipe", path), *_settings(tuning))
    text = (
        f"# {tuning.search.title}: trial {best.number} of {trials}, val {metric} {best.value:.2f},"
        f" cell {best.user_attrs['cell']}\n"
        f"# searched by {tuning.command}\n"
        f"# use: {use}\n"
    )
    files.write_text(path, text + yaml.safe_dump(values, sort_keys=False))
    return path


def _settings(tuning: Tuning) -> list[str]:
    """The command line's words that the recipe file does not hold."""
    return [word for word in tuning.overrides if not word.startswith(("recipe", "launcher", "tracking"))]


def _table(trials: "list[FrozenTrial]") -> str:
    keys = sorted({key for trial in trials for key in trial.params})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "val", "epochs", *ATTRIBUTES, *keys])
    for trial in trials:
        known = trial.user_attrs
        epochs = max(trial.intermediate_values, default=0)
        values = [trial.params.get(key, "") for key in keys]
        score = "" if trial.value is None else trial.value
        writer.writerow(
            [trial.number, trial.state.name.lower(), score, epochs, *map(known.get, ATTRIBUTES), *values]
        )
    return text.getvalue()


def _plain(trial: "FrozenTrial") -> Trial:
    """A trial as figures are given it."""
    logarithmic = (key for key, found in trial.distributions.items() if getattr(found, "log", False))
    state = WORDS[trial.state.name]
    return Trial(trial.number, state, trial.value, trial.params, frozenset(logarithmic))


def summary(result: Result) -> str:
    """The result for people, without the figures' bytes."""
    counts = ", ".join(f"{number} {word}" for word, number in result.counts.items())
    lines = [f"trials: {counts}"]
    if result.best is None:
        return "\n".join([*lines, "no trial finished: there is nothing to recommend"])
    gain = f" (the recipe as it was: {result.start:.2f})" if result.start is not None else ""
    lines.append(f"best: trial {result.best['trial']}, val {result.metric} {result.best['value']:.2f}{gain}")
    for key, value in result.best["values"].items():
        share = f"  importance {result.importance[key]:.2f}" if key in result.importance else ""
        lines.append(f"  {key:<26} {spelled(value):<10}{share}")
    lines.append(f"recipe: {result.recipe}")
    if result.figures:
        lines.append(
            f"figures: {', '.join(path.name for path in result.figures)} in {result.figures[0].parent}"
        )
    return "\n".join(lines)
