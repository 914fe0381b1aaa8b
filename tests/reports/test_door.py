import subprocess
import sys
from pathlib import Path

HEAVY = ("matplotlib", "pandas", "torch", "optuna")


def test_the_door_opens_at_once() -> None:
    check = f"import sys, reports; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


def test_charts_are_loaded_only_where_a_page_is_written() -> None:
    check = (
        "import sys, reports.build, reports.page.report; print({'altair', 'vl_convert'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
