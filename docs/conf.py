"""How Sphinx makes a site of these pages and of the docstrings: `make docs`."""

import sys
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.highlighting import lexers

ROOT = Path(__file__).parents[1]
HOUSES = ("bench", "reports", "fianet", "baselines")
sys.path.insert(0, str(ROOT))

project = "fianet-bench"
author = "fianet-bench contributors"
copyright = f"{author}, Apache-2.0"
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
nitpicky = True
suppress_warnings = ["ref.python"]  # a bare name in a signature that two modules have
# other projects' names lead nowhere without a network; type variables and private names have no page
nitpick_ignore_regex = [("py:.*", rf"(?!({'|'.join(HOUSES)})\b).*"), ("py:.*", r".*\.(_\w+|Item|Schema)")]
myst_heading_anchors = 3
highlight_language = "text"
lexers["csv"] = TextLexer()
copybutton_selector = "div.highlight pre"

viewcode_follow_imported_members = False  # everything is documented where it is defined

default_role = "code"  # docstrings write `code` as Markdown does
napoleon_use_ivar = True
autodoc_mock_imports = [
    "timm",
    "transformers",
    "accelerate",
    "mlflow",
    "optuna",
]  # slow to import, and only imported
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
    "ignore-module-all": True,  # a room's door passes names on: they are documented where they are defined
}
autodoc_typehints_format = "short"
add_module_names = False
toc_object_entries = (
    False  # every page holds the whole navigation: with all functions in it a build takes minutes
)

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = html_show_sourcelink = False

# files of the repository, and the page that includes each
INCLUDED = {"reports/results/vhr10/README.md": "results.md", "CONTRIBUTING.md": "contributing.md"}


def link_pages(text: str, upwards: str) -> str:
    """Links to what pages include lead to those pages, and links into `docs/` stay in this folder.

    Args:
        text: Markdown.
        upwards: From the text's folder to the root of the repository: "", "../" ...
    """
    for file, page in INCLUDED.items():
        text = text.replace(f"]({upwards}{file}", f"]({page}")
    return text.replace(f"]({upwards}docs/", "](")


def on_page(app: Sphinx, name: str, source: list[str]) -> None:
    """A page of this folder was read."""
    source[0] = link_pages(source[0], "../")


def on_include(app: Sphinx, file: Path, name: str, source: list[str]) -> None:
    """A file outside of this folder was read; its path begins with `../`."""
    source[0] = link_pages(source[0], "../" * (len(file.parts) - 2))


def on_docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Blocks that are indented after a blank line are code, as in Markdown."""
    places = range(2, len(lines))
    for at in reversed(places):
        opens = not lines[at - 1].strip() and lines[at].startswith("    ")
        if opens and lines[at - 2].strip() and not lines[at - 2].startswith(" "):
            lines[at - 1 : at] = ["", "::", ""]


def api_page(door: Path) -> str:
    """The page of a room: what its door says, then each of its modules."""
    room = ".".join(door.parent.relative_to(ROOT).parts)
    modules = [f"{room}.{file.stem}" for file in sorted(door.parent.glob("*.py")) if file != door]
    parts = [f"# {room}", _automodule(room)]
    for name in modules:
        parts += [f"## {name}", _automodule(name)]
    return "\n\n".join(parts) + "\n"


def _automodule(name: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {name}\n```"


def write_api() -> None:
    """docs/api: a page a room. Those that are as they should be stay: another build may be reading them."""
    folder = ROOT / "docs" / "api"
    folder.mkdir(exist_ok=True)
    doors = [door for house in HOUSES for door in sorted((ROOT / house).rglob("__init__.py"))]
    pages = {".".join(door.parent.relative_to(ROOT).parts) + ".md": api_page(door) for door in doors}
    for left in {file.name for file in folder.iterdir()} - {*pages}:
        (folder / left).unlink()
    for name, text in pages.items():
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", on_page)
    app.connect("include-read", on_include)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)  # before napoleon
    write_api()
