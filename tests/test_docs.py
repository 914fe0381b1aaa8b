"""Every command that README and docs show is one the project understands."""

import importlib.util
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.request import Request
from bench.study.definition import read_study

REPO = Path(__file__).parents[1]
PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]


def commands(starting: str) -> list[str]:
    """Lines of code blocks (indented or fenced) that start so, without comments; backslashes join lines."""
    found = []
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        inline = re.findall(rf"`((?:\.venv/bin/)?{starting}[^`\n]*)`", text)
        blocks = re.findall(rf"^(?:    )?(?:\$ )?((?:\.venv/bin/)?{starting}.*)$", text, re.MULTILINE)
        found += [re.split(r"\s+#", line)[0].removeprefix(".venv/bin/").strip() for line in inline + blocks]
    return sorted(set(found))


@cache
def help_of(module: str) -> str:
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", commands("python -m "))
def test_shown_python_command_is_understood(command: str) -> None:
    module, *words = shlex.split(command)[2:]
    assert importlib.util.find_spec(module), f"{module} does not exist"
    words = [
        word for word in words if "=" in word and "=runs/" not in word
    ]  # files that a run would have written
    if module == "bench.run":
        configuration(words)
        if study := Request.parse(words).value("ablation"):
            assert read_study(study).rows
    elif not module.startswith("pip"):
        for word in words:
            key = word.partition("=")[0]
            assert re.search(rf"\b{re.escape(key)}\b", help_of(module)), (
                f"{module} --help does not name {key}"
            )


@pytest.mark.parametrize("command", commands("make "))
def test_shown_make_target_exists(command: str) -> None:
    target = command.split()[1]
    done = subprocess.run(["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pages_show_commands() -> None:
    assert len(commands("python -m ")) > 4
    assert len(commands("make ")) > 1
