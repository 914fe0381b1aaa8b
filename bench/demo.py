"""`python -m bench.demo`: a page on this machine where a picture and a sentence give a mask, to look at a model."""

import os
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path

USAGE = """
Opens a page to look at a model: drop an image, type a sentence, see its mask, its probabilities, and which words
were read as object and as position. Two weights are shown side by side.

  pip install 'fianet-bench[demo]'                                       once
  python -m bench.weights export cell=0123456789ab out=exported          a model to look at
  python -m bench.demo weights=exported
  python -m bench.demo weights=exported also=other port=7861

keys: weights=DIR|FILE   what `python -m bench.weights export` or `import` wrote
      also=DIR|FILE      a second model, beside the first
      port=7860          of this machine; the page is at http://127.0.0.1:7860

The page answers this machine alone, sends nothing anywhere and asks nothing of the internet. Images are read as
bench.predict reads them; uploaded ones are deleted when it ends. The examples are drawn when it starts: a model
that was trained on photographs need not understand them. To write files, or for many images: bench.predict.
exit codes: 0 ended by Ctrl+C, 2 the request is wrong
"""


@dataclass
class Options:
    """What can be asked for; see USAGE."""

    weights: str = path("")
    also: str = path("")
    port: int = 7860


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 ended by Ctrl+C, 2 the request is wrong."""
    options = parse(argv, Options, USAGE)
    if not options.weights:
        raise UserError("weights= is missing.", "See `python -m bench.demo --help`.")
    if not 1 <= options.port <= 65535:
        raise UserError(f"port={options.port}: no such port.", "Use one from 1024 to 65535.")
    if find_spec("gradio") is None:
        raise UserError("bench.demo: gradio is not installed.", "pip install 'fianet-bench[demo]'")
    with tempfile.TemporaryDirectory() as folder:
        _serve(options, Path(folder))
    return 0


def _serve(options: Options, folder: Path) -> None:
    """Serves until Ctrl+C; drawn examples and all that is uploaded lie in `folder`."""
    os.environ.update(  # read when gradio is imported
        GRADIO_ANALYTICS_ENABLED="False", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_TEMP_DIR=str(folder)
    )
    from bench.inference.page import make_page, serve
    from bench.inference.predictor import Predictor
    from bench.models.bundle import load_bundle

    wanted = dict.fromkeys(each for each in (options.weights, options.also) if each)
    models = {name: Predictor(load_bundle(Path(name))) for name in wanted}
    serve(make_page(models, folder), options.port)


if __name__ == "__main__":
    sys.exit(main())
