"""Every command that README, docs, help pages and YAML comments show can be pasted, and is understood."""

import importlib
import importlib.util
import pkgutil
import re
import shlex
import subprocess
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

import bench
import reports
from bench.config import plugins
from bench.config.compose import configuration
from bench.config.request import KEYS, Request
from bench.study.definition import read_study
from bench.terminal.arguments import divide, parse, positional

REPO = Path(__file__).parents[1]
PAGES = [
    REPO / "README.md",
    REPO / "CONTRIBUTING.md",
    *sorted((REPO / "docs").glob("*.md")),
    *sorted((REPO / "reports/results").glob("**/README.md")),
    *sorted((REPO / "experiments").glob("**/*.yaml")),
]
COMMANDS = [
    f"{house.__name__}.{found.name}"
    for house in (bench, reports)
    for found in pkgutil.iter_modules(house.__path__)
    if not found.ispkg
] + ["bench.tuning.worker"]
IN_SINGLE = re.compile(r"'[^']*'|\\.")
IN_DOUBLE = re.compile(r'"(?:[^"\\$`!]|\\.)*"')
SPECIAL = re.compile(r"[][{}()*?~$^!`;&<|\"']|(?:^|\s)=|#")  # to zsh, where nothing is quoted


@dataclass
class Flags:
    """What `bench.run` and `bench.check` take beside the configuration."""

    json: bool = False


def usage(module: ModuleType) -> str:
    """What `--help` prints."""
    if module.__name__ == "bench.run":
        return importlib.import_module("bench.config.help").text()
    return module.usage() if hasattr(module, "usage") else module.USAGE


def commands(starting: str) -> list[str]:
    """Lines of code blocks (indented or fenced) and help pages that start so, and what stands in backquotes."""
    found = []
    texts = [page.read_text() for page in PAGES]
    texts += [usage(importlib.import_module(name)) for name in COMMANDS]
    for text in texts:
        text = re.sub(r"\s*\\\n\s*", " ", text)
        inline = re.findall(rf"`((?:\.venv/bin/)?{starting}[^`\n]*)`", text)
        blocks = re.findall(rf"^(?:  |    )?(?:\$ )?((?:\.venv/bin/)?{starting}.*)$", text, re.MULTILINE)
        # what is said of a command follows after a wider space
        found += [re.split(r"\s+#|\s{2,}", line)[0].removeprefix(".venv/bin/") for line in inline + blocks]
    return sorted(set(found))


def studies() -> dict[str, str]:
    """Studies that pages show whole: their file's name, which the first line says, and what is in it."""
    text = "".join(page.read_text() for page in PAGES)
    return dict(re.findall(r"^```yaml\n# (\w+\.yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


SHOWN = ("...", "--help", "--keys", "--keys=markdown")  # no key=value


def unquoted(command: str) -> str:
    """What shells look at for signs of their own."""
    return IN_SINGLE.sub("", IN_DOUBLE.sub("", command))


@pytest.mark.parametrize(
    "command", [each for start in ("python -m ", "pip ", "mlflow ", "make ") for each in commands(start)]
)
def test_shown_command_means_the_same_in_bash_and_zsh(command: str) -> None:
    command = re.sub(r" > \S+$", "", command)
    assert not SPECIAL.search(unquoted(command)), "quote it: 'key=[1,2]'"
    assert shlex.split(command)


def test_what_zsh_would_take_for_patterns_is_found() -> None:
    for command in (
        "run seeds=[0,1]",
        "run a=~/x",
        "run a={b}",
        'run a="$b"',
        "run a=b? c",
        "run =ls",
        "run 'a",
    ):
        assert SPECIAL.search(unquoted(command)), command
    for command in ("run 'seeds=[0,1]' a=b,c", 'run text="the ship?" a=1.5', "run --json x.txt"):
        assert not SPECIAL.search(unquoted(command)), command


@pytest.mark.parametrize("command", commands("python -m "))
def test_shown_python_command_is_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = EntryPoint("meannet", "meannet:build", plugins.GROUP)  # by who reads docs/models.md
    monkeypatch.setattr(plugins, "entry_points", lambda group: [installed])
    name, *words = shlex.split(re.sub(r" > \S+$", "", command))[2:]
    if name not in COMMANDS:
        assert importlib.util.find_spec(name), f"{name} does not exist"
        return
    module = importlib.import_module(name)
    # what stands for other words, and files that a run writes
    words = [word for word in words if word not in SHOWN and "=runs/" not in word]
    if name in ("bench.run", "bench.check", "bench.tune", "bench.profile"):
        schema = getattr(module, "Arguments", Flags)
        own, words = divide(words, schema, KEYS)
        parse(own, schema, "")
        configuration(words)
        if study := Request.parse(words).value("ablation"):
            for name, content in studies().items():
                (tmp_path / name).write_text(content)
            assert read_study(str(tmp_path / study) if study in studies() else study).rows
    elif name == "bench.predict":
        module.read_options(words)
    else:
        plain, keyed = positional(words)
        verb = plain[0].title() if name in ("bench.weights", "bench.track") else ""
        parse(keyed, getattr(module, f"{verb}Options", None) or module.Arguments, "")


@pytest.mark.parametrize("command", commands("make "))
def test_shown_make_target_exists(command: str) -> None:
    target = command.split()[1]
    done = subprocess.run(["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pages_show_commands() -> None:
    assert len(commands("python -m ")) > 40
    assert len(commands("make ")) > 1
