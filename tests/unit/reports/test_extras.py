"""Without the extra ``report`` the formats that need it say what to install, before anything is read or run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from vexlab.errors import UsageError
from vexlab.report import draw, page, pdf
from vexlab.report.renderers import chosen

_CACHED: dict[str, Callable[..., Any]] = {"jinja2": page._template, "vl_convert": draw._library, "typst": pdf._library}


@pytest.mark.parametrize(
    ("module", "formats"), [("jinja2", ["html"]), ("vl_convert", ["html", "pdf", "svg"]), ("typst", ["pdf"])]
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, formats: list[str]) -> None:
    cached: Any = _CACHED[module]
    cached.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)  # as Python itself does for what cannot be imported
    for name in formats:
        with pytest.raises(UsageError, match="is not installed") as caught:
            chosen(name)
        assert caught.value.hint == "pip install 'vexlab[report]'"
    others = [name for name in ("json", "md", "junit", "csv", "ktap", "text") if name not in formats]
    assert len(chosen(",".join(others))) == len(others)
