import subprocess
import sys
from pathlib import Path

HEAVY = ("matplotlib", "pandas", "torch", "optuna")


def said(check: str) -> str:
    """What a fresh interpreter prints."""
    words, root = [sys.executable, "-c", check], Path(__file__).parents[2]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=True).stdout


def test_the_door_opens_at_once() -> None:
    assert said(f"import sys, reports; print(*(name for name in {HEAVY} if name in sys.modules))") == "\n"


def test_charts_are_loaded_only_where_a_page_is_written() -> None:
    imports = "import sys, reports.build, reports.page.report"
    assert said(f"{imports}; print({{'altair', 'vl_convert'}} & set(sys.modules))") == "set()\n"
