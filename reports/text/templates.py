"""The files of `reports/templates`: filled in, or put into a page as they are."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files as resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

Filters = dict[str, Callable[..., object]]


def render(template: str, filters: Filters, *, autoescape: bool = False, **values: object) -> str:
    """A file of `reports/templates`, filled in; its marks are << >> and <% %>, which LaTeX leaves alone."""
    return _compiled(template, tuple(filters.items()), autoescape).render(values)


@cache
def _compiled(
    template: str, filters: tuple[tuple[str, Callable[..., object]], ...], autoescape: bool
) -> Template:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters |= dict(filters)
    return environment.get_template(template)


def asset(name: str) -> Markup:
    """A file, put into the page as it is."""
    return Markup((resources("reports") / "templates" / name).read_text(encoding="utf-8"))
