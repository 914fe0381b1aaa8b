"""The demo's page: a picture and a sentence on one side, what each model makes of them on the other (gradio).

Nothing leaves the machine: fonts are the browser's, and nothing is counted or shared.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from bench.drawing.scenes import draw
from bench.images.read import SUFFIXES
from bench.inference.answer import BOTH, OBJECT, POSITION, Answer, answer, read
from bench.inference.predictor import Predictor
from bench.sentences.expressions import expressions
from bench.terminal.errors import UserError

SCENES = 4
SIDE = 288  # pixels of an example
SERIES = 7  # of drawn scenes: another than those that training draws unless it is told to
MARKS = {OBJECT: "#e8588a", POSITION: "#3b82c4", BOTH: "#8b5cb8"}
FONT = ("system-ui", "sans-serif")
CSS = """
.gradio-container { max-width: 1480px !important; margin: 0 auto !important; }
.said ul { margin: 0; padding-left: 1.1em; }
.name h3, .said li { overflow-wrap: anywhere; word-break: break-word; }
"""


@dataclass(frozen=True)
class Column:
    """Where one model's answer is shown."""

    overlay: gr.Image
    probability: gr.Image
    words: gr.HighlightedText
    said: gr.HTML

    @property
    def parts(self) -> list[Any]:
        """In the order of `shown`."""
        return [self.overlay, self.probability, self.words, self.said]


def draw_examples(folder: Path) -> list[tuple[Path, str]]:
    """Draws a few scenes as PNG files, each with a sentence that means one object of it."""
    made = []
    for index in range(SCENES):
        scene = draw(SERIES, index, SIDE)
        file = folder / f"scene-{index + 1}.png"
        Image.fromarray(scene.image).save(file)
        rng = np.random.default_rng([SERIES, index])
        found = expressions(scene.scene, rng)
        made.append((file, found[int(rng.integers(len(found)))].text if found else "all objects"))
    return made


def make_page(models: Mapping[str, Predictor], folder: Path) -> gr.Blocks:
    """The page, not yet served.

    Args:
        models: One or two, by the name shown.
        folder: Where the drawn examples go.
    """
    examples = draw_examples(folder)
    with gr.Blocks(
        title="What a sentence means in a picture",
        analytics_enabled=False,
    ) as page:
        gr.Markdown("# What a sentence means in a picture\nDrop an overhead image, type what to find in it.")
        answers = gr.State([])
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                image = gr.File(label="Image", file_types=list(SUFFIXES), type="filepath", height=130)
                text = gr.Textbox(label="Sentence", placeholder="the ship at the top", max_length=500)
                find = gr.Button("Find", variant="primary")
                show_mask = gr.Checkbox(True, label="Show the mask")
                drawn = gr.Dataset(
                    label="Drawn examples",
                    components=["image", "textbox"],
                    component_props=[{"height": 64, "show_label": False}, {}],
                    headers=["Image", "Sentence"],
                    samples=[[str(file), sentence] for file, sentence in examples],
                    type="index",
                )
            with gr.Column(scale=3, min_width=300), gr.Row():
                columns = [_column(name) for name in models]
        shown = [part for column in columns for part in column.parts]
        run = _Run(list(models.values()))
        ask = {"fn": run.ask, "inputs": [image, text, show_mask], "outputs": [answers, *shown]}
        find.click(**ask)
        text.submit(**ask)
        image.upload(run.preview, image, [answers, *shown])
        drawn.click(
            lambda chosen: (str(examples[chosen][0]), examples[chosen][1]), drawn, [image, text]
        ).then(**ask)
        show_mask.change(run.toggle, [answers, show_mask], [column.overlay for column in columns])
    return page


def serve(page: gr.Blocks, port: int) -> None:
    """Serves the page on this machine alone, until it is interrupted.

    Raises:
        UserError: The port is taken.
    """
    try:
        page.launch(
            server_name="127.0.0.1",
            server_port=port,
            share=False,
            quiet=True,
            ssr_mode=False,
            enable_monitoring=False,
            footer_links=[],
            theme=gr.themes.Default(font=FONT, font_mono=("monospace",)),
            css=CSS,
            prevent_thread_lock=True,
        )
    except OSError:
        raise UserError(f"port={port}: is taken, or not allowed.", "Pass port= of a free one.") from None
    print(f"http://127.0.0.1:{port} (Ctrl+C ends it)", flush=True)
    page.block_thread()


class _Run:
    """What happens when something is pressed; mistakes become messages in the page."""

    def __init__(self, predictors: list[Predictor]) -> None:
        self.predictors = predictors

    def ask(self, image: str | None, text: str, with_mask: bool) -> list[Any]:
        """The answers, and what every column shows of them."""
        if not image:
            raise _message(UserError("There is no image.", "Drop one, or choose a drawn example."))
        answers = _told(lambda: [answer(each, Path(image), text or "") for each in self.predictors])
        return [answers, *(part for each in answers for part in _shown(each, with_mask))]

    def preview(self, image: str) -> list[Any]:
        """An image as soon as it is there, without an answer."""
        pictures = _told(lambda: [read(each, Path(image)).pixels for each in self.predictors])
        return [[], *(part for pixels in pictures for part in (pixels, None, None, ""))]

    def toggle(self, answers: list[Answer], with_mask: bool) -> Any:
        """The pictures with or without masks; before the first answer nothing changes."""
        if not answers:
            return [gr.skip() for _ in self.predictors] if len(self.predictors) > 1 else gr.skip()
        pictures = [each.overlay if with_mask else each.picture for each in answers]
        return pictures if len(pictures) > 1 else pictures[0]


def _column(name: str) -> Column:
    with gr.Column(min_width=260):
        gr.HTML(f"<h3>{html.escape(name)}</h3>", elem_classes="name")
        look = {"interactive": False, "format": "png", "buttons": ["download", "fullscreen"]}
        return Column(
            gr.Image(label="Mask", elem_classes="mask", **look),
            gr.Image(label="Probability, 0 dark to 1 bright", **look),
            gr.HighlightedText(label="Words read as", color_map=MARKS, show_legend=True),
            gr.HTML(elem_classes="said"),
        )


def _shown(found: Answer, with_mask: bool) -> list[Any]:
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in found.said)
    return [
        found.overlay if with_mask else found.picture,
        found.probability,
        found.words,
        f"<ul>{lines}</ul>",
    ]


def _told(work: Callable[[], list[Any]]) -> list[Any]:
    try:
        return work()
    except UserError as error:
        raise _message(error) from None


def _message(error: UserError) -> gr.Error:
    return gr.Error(html.escape(f"{error.what} {error.remedy}"), print_exception=False)
