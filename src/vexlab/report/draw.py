"""Charts as SVG, and the library that draws them in a browser: Vega-Lite through vl-convert, without one."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.report.charts import Chart, Spec

if TYPE_CHECKING:
    from types import ModuleType

_VERSION = "6.1"  # of Vega-Lite: the one whose code stands in the bundle, so that both draw the same
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_FONT = "DejaVu Sans, Liberation Sans, sans-serif"
# id="clip12", url(#clip12): Vega counts on from chart to chart; the same chart is to be the same text
_CLIP = re.compile(r'(id="|url\(#)clip(\d+)("|\))')
CONFIG: Spec = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {"labelColor": "#1b1f24", "titleColor": "#57606a", "gridColor": "#d0d7de", "titleFontWeight": "normal"},
    "legend": {"orient": "top", "labelColor": "#1b1f24", "symbolType": "square"},
    "title": {"anchor": "start", "frame": "bounds", "color": "#1b1f24", "subtitleColor": "#57606a"},
}


def check() -> None:
    """Raise ``UsageError`` where vl-convert is missing."""
    _library()


def complete(spec: Spec) -> Spec:
    """Return a description that can be drawn: with the colours and fonts of every chart."""
    return {"$schema": _SCHEMA, "config": CONFIG, **spec}


def svg(chart: Chart) -> str:
    """Return a chart as SVG; raise ``UsageError`` where vl-convert is missing."""
    return _svg(complete(chart.spec or {}))


def together(charts: tuple[Chart, ...], title: str) -> str:
    """Return the charts that there are, under each other, as one SVG; raises as ``svg`` does."""
    parts = [
        {**each.spec, "title": {"text": each.title, "subtitle": each.about}} for each in charts if each.spec is not None
    ]
    scales = {"color": "independent", "x": "independent", "y": "independent"}
    parts = [_without_zoom(part) for part in parts]  # a picture is not zoomed, and the selections bear one name
    whole = {"title": {"text": title}, "vconcat": parts, "bounds": "full", "spacing": 28, "resolve": {"scale": scales}}
    return _svg(complete(whole))


def png(picture: str) -> bytes:
    """Return an SVG as PNG, at twice its size; raise ``UsageError`` where vl-convert is missing."""
    image: bytes = _library().svg_to_png(picture, scale=2.0)
    return image


@cache
def bundle() -> str:
    """Return the script that defines ``vegaEmbed``; raise ``UsageError`` where vl-convert is missing."""
    text: str = _library().javascript_bundle("window.vegaEmbed = vegaEmbed;", _VERSION)
    if "</script" in text.lower():  # it stands in a script element
        raise InfraError("the library of charts would end the element it stands in", hint="another vl-convert-python")
    return text


def _without_zoom(spec: Spec) -> Spec:
    found = {key: value for key, value in spec.items() if key != "params"}
    if "layer" in found:
        found["layer"] = [{key: value for key, value in layer.items() if key != "params"} for layer in found["layer"]]
    return found


def _written(spec: Spec) -> str:
    """Return a description as JSON; what is no number, as the sum of two that are too large, is a gap in a line."""
    return msgspec.json.encode(spec).decode()


def _svg(spec: Spec) -> str:
    text: str = _library().vegalite_to_svg(_written(spec), _VERSION, allowed_base_urls=[])
    numbers: dict[str, int] = {}
    return _CLIP.sub(lambda found: f"{found[1]}clip{numbers.setdefault(found[2], len(numbers))}{found[3]}", text)


@cache
def _library() -> ModuleType:
    try:
        import vl_convert  # an extra: who wants no charts need not have it
    except ImportError as error:
        raise UsageError(
            "charts need vl-convert-python, which is not installed", hint="pip install 'vexlab[report]'"
        ) from error
    module: ModuleType = vl_convert
    return module
