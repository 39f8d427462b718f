"""Templates. Every text that goes into one is made printable and short, and escaped, wherever it came from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from urllib.parse import urlencode

import jinja2
from starlette.responses import HTMLResponse

from vexlab.monitor.screen import duration
from vexlab.report.content import bounded, one_line
from vexlab.serve.overview import sparkline


@cache
def environment() -> jinja2.Environment:
    """Return the templates with what they may call."""

    def clean(value: object) -> object:
        return bounded(value) if type(value) is str else value

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("vexlab.serve"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["line"] = one_line
    made.filters["duration"] = duration
    made.filters["query"] = lambda given: urlencode(dict(given))
    made.globals["sparkline"] = sparkline
    return made


def page(template: str, code: int = 200, **given: object) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(environment().get_template(template).render(**given), code)


@cache
def style() -> str:
    """Return the style of all pages: the report's, and what these pages have besides."""
    shared = (files("vexlab.report") / "assets" / "page.css").read_text(encoding="utf-8")
    return shared + (files("vexlab.serve") / "static" / "serve.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return the script of the live page."""
    return (files("vexlab.serve") / "static" / "live.js").read_text(encoding="utf-8")
