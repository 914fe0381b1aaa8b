import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; built once, whatever the number of test processes. Warnings are errors."""
    pytest.importorskip("sphinx")
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # by all test processes of this run
    built, log = shared / "site", shared / "site.log"
    with FileLock(shared / "site.lock"):
        if not log.exists():
            words = ["-W", "--keep-going", "--quiet", "-b", "html", "-d", str(shared / "site-read")]
            command = [sys.executable, "-m", "sphinx", *words, str(REPO / "docs"), str(built)]
            done = subprocess.run(command, capture_output=True, text=True)
            log.write_text(done.stderr + ("failed" if done.returncode else ""))
    assert log.read_text() == ""
    return built
