"""What can be named on the command line: file names under `experiments/` and installed packages; no YAML parsed."""

from pathlib import Path

import experiments
from bench.config.plugins import package, plugins

EXPERIMENTS = Path(experiments.__file__).parent
# Hydra's groups; `ablation` names a study instead
GROUPS = ("model", "data", "scale", "recipe", "protocol", "launcher", "tracking")


def options(group: str) -> dict[str, str]:
    """Names of a group and what the first comment line of each file says of it."""
    found = {}
    for path in sorted((EXPERIMENTS / group).glob("*.yaml")):
        comments = [line[1:].strip() for line in path.read_text().splitlines() if line.startswith("#")]
        said = [comment for comment in comments if not comment.startswith("@package")]
        found[path.stem] = said[0] if said else ""
    if group == "model":
        for name, entry in plugins().items():
            found.setdefault(name, f"from {package(entry)}")
    return found
