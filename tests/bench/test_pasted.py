"""Commands that the product prints or writes down, run as a user pastes them, from folders with odd names."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.storage.store import Store

ODD = "my data/a=b [x],{y} 'q' \"d\" $HOME ${z} #1 100% 数据"
SHELLS = [shell for shell in ("bash", "zsh") if shutil.which(shell)]
WITHOUT_TRAINING = ("tracking.enabled=false", "launcher=inline", "recipe.epochs=1")


def shown(text: str) -> list[str]:
    """Commands in backquotes, and those that run to the end of a line."""
    quoted = re.findall(r"`(python -m [^`\n]+)`", text)
    return quoted + re.findall(r"(?<!`)python -m .+$", re.sub(r"`[^`\n]*`", "", text), re.MULTILINE)


@pytest.fixture
def pasted(tmp_path, environment):
    """Runs a shown command in every shell there is; returns what it printed and its exit code."""
    python = f'python() {{ {shlex.quote(sys.executable)} "$@"; }}; '

    def run(command: str) -> list[tuple[int, str]]:
        done = [
            subprocess.run(
                [shell, "-c", python + command], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            for shell in SHELLS
        ]
        return [(each.returncode, each.stdout + each.stderr) for each in done]

    return run


def words(drawn: list[str]) -> list[str]:
    return [*drawn, *WITHOUT_TRAINING, f"store={ODD}/runs", f"data.cache={ODD}/cache"]


def test_refusals_name_commands_that_find_the_same_store(command, pasted, drawn, tmp_path) -> None:
    from bench.config.request import Request
    from bench.study.prepare import prepare
    from bench.terminal.command_line import command_line

    planned = prepare(Request.parse([*drawn, "name=mine", f"store={tmp_path / ODD / 'runs'}"]))
    planned.write(command_line("bench.run", *drawn, "name=mine", f"store={ODD}/runs", "dry_run=true"))
    for refused in (
        ["bench.weights", "export", "cell=0123", f"store={ODD}/runs", "out=x"],
        ["bench.cancel", "cell=0123", f"store={ODD}/runs"],
    ):
        done = command(*refused)
        assert done.returncode == 2
        (status,) = shown(done.stderr)
        for code, said in pasted(status):
            assert (code, "mine" in said) == (1, True), said
    stored = json.loads((tmp_path / ODD / "runs/studies/mine.json").read_text())["command"]
    for code, said in pasted(stored):
        assert code == 0, said
        assert "1 to run" in said


def test_next_step_of_a_new_set_finds_it(command, pasted, drawn, tmp_path) -> None:
    folder = Path(next(word for word in drawn if word.startswith("data.root=")).partition("=")[2])
    assert command("bench.run", *drawn, "dry_run=true").returncode == 0  # draws the scenes
    shutil.copytree(folder, tmp_path / ODD / "drawn")
    coco, images = f"{ODD}/drawn/rrsisd/instances.json", f"{ODD}/drawn/images/rrsisd/JPEGImages"
    made = command(
        "bench.refer", f"coco={coco}", f"images={images}", f"out={ODD}/mine", "split=[0.5,0.25,0.25]"
    )
    assert made.returncode == 0, made.stderr
    (check,) = shown(made.stdout)
    for code, said in pasted(check):
        assert code == 0, said
        assert "Errors: none" in said


@pytest.mark.slow
def test_every_command_along_the_way_can_be_pasted(command, pasted, drawn, tmp_path) -> None:
    store = f"store={ODD}/runs"
    said = [command("bench.run", *words(drawn)).stdout]
    (cell,) = Store(tmp_path / ODD / "runs").cells()
    assert cell.done
    picture = next((tmp_path / ODD).rglob("*.png"))
    shutil.copy(picture, tmp_path / "scene.png")  # as `weights export` calls it
    for then in (
        ["bench.attention", f"cell={cell.id}", store, "examples=1"],
        ["bench.weights", "export", f"cell={cell.id}", store, f"out={ODD}/exported"],
        ["bench.predict", f"weights={ODD}/runs/cells/{cell.id}", "image=scene.png", "text=all ships"],
        ["bench.status", store],
        ["reports.build", "ablation=fianet", store],
    ):
        done = command(*then)
        said += [done.stdout, done.stderr]
    reports = tmp_path / ODD / "runs/reports/fianet"
    said += [re.sub("^% .*made by: ", "", (reports / "table.tex").read_text(), flags=re.MULTILINE)]
    commands = {each for text in said for each in shown(text)}
    assert len(commands) >= 4, commands
    for each in sorted(commands):
        for code, output in pasted(each):
            assert code == 0, f"{each}\n{output}"
    assert (tmp_path / "predictions/predictions.json").is_file()
