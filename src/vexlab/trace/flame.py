"""Flame graphs: stacks as an SVG without scripts, and as a file for speedscope.app. Pure.

A box is as wide as the share of its function and what that called (Brendan Gregg, "The Flame Graph", CACM 59/6).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

import msgspec

from vexlab.model.report import Frame
from vexlab.model.trace import StackSum
from vexlab.tables import visible

_WIDTH, _ROW, _TOP, _MARGIN = 1200, 18, 44, 10
_CHARACTER = 6.6  # width of a character of the font below, in pixels
_LEAST = 0.4  # narrower boxes are left out, in pixels
_NAME_MOST = 120
_OURS = ((205, 235), (90, 140), (40, 60))  # red, green, blue of the module's functions
_OTHERS = ((225, 240), (195, 220), (150, 170))
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
    'font-family="DejaVu Sans Mono, Menlo, monospace" font-size="11">\n'
    '<rect width="100%" height="100%" fill="#ffffff"/>\n'
    '<text x="{middle}" y="20" text-anchor="middle" font-size="14" fill="#222222">{title}</text>\n'
    '<text x="{middle}" y="36" text-anchor="middle" fill="#555555">{about}</text>\n'
)


@dataclass(slots=True)
class _Box:
    total: int = 0
    ours: bool = False
    source: str = ""
    inner: dict[str, _Box] = field(default_factory=dict)


def flame_svg(stacks: Iterable[StackSum], *, module: str, title: str, unit: str) -> str:
    """Return the picture: callers below, functions of ``module`` red, each with its share as a tooltip."""
    root = _tree(stacks, module)
    depth = _depth(root)
    height = _TOP + (depth + 1) * _ROW + _MARGIN
    about = f"{root.total:,} {unit}; red: functions of {module}" if root.total else "nothing was seen"
    parts = [_HEAD.format(width=_WIDTH, height=height, middle=_WIDTH // 2, title=_text(title), about=_text(about))]
    if root.total:
        scale = (_WIDTH - 2 * _MARGIN) / root.total
        parts += _boxes("all", root, _MARGIN, height - _MARGIN - _ROW, scale, root.total, unit)
    return "".join([*parts, "</svg>\n"])


def speedscope(stacks: Sequence[StackSum], *, name: str, unit: str) -> bytes:
    """Return the stacks as speedscope's file (its file-format-spec, "sampled"); ``unit`` is its word: nanoseconds."""
    numbers: dict[tuple[str, str], int] = {}
    samples, weights = [], []
    for each in stacks:
        keys = [(_label(frame), frame.source) for frame in reversed(each.frames)]
        root = [(each.command, "")] if each.command else []
        samples.append([numbers.setdefault(key, len(numbers)) for key in (*root, *keys)])
        weights.append(each.total)
    document = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": "vexlab",
        "name": name,
        "activeProfileIndex": 0,
        "shared": {"frames": [_frame(label, source) for label, source in numbers]},
        "profiles": [
            {
                "type": "sampled",
                "name": name,
                "unit": unit,
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        ],
    }
    return msgspec.json.encode(document)


def _frame(label: str, source: str) -> dict[str, str | int]:
    file, _, line = source.rpartition(":")
    return {"name": label, "file": file, "line": int(line)} if file and line.isdecimal() else {"name": label}


def _label(frame: Frame) -> str:
    name = visible(frame.function[:_NAME_MOST])
    return f"{name} [{frame.module}]" if frame.module else name


def _tree(stacks: Iterable[StackSum], module: str) -> _Box:
    root = _Box()
    for each in stacks:
        root.total += each.total
        box = root
        commands = [(visible(each.command), False, "")] if each.command else []
        frames = [(_label(frame), frame.module == module, frame.source) for frame in reversed(each.frames)]
        for label, ours, source in (*commands, *frames):
            box = box.inner.setdefault(label, _Box(ours=ours, source=source))
            box.total += each.total
    return root


def _depth(box: _Box) -> int:
    return max((1 + _depth(inner) for inner in box.inner.values()), default=0)


def _boxes(name: str, box: _Box, x: float, y: int, scale: float, whole: int, unit: str) -> Iterator[str]:
    width = box.total * scale
    if width < _LEAST:
        return
    share = f"{100 * box.total / whole:.1f} %"
    tooltip = f"{name}{f' ({box.source})' if box.source else ''}: {box.total:,} {unit}, {share}"
    fits = int((width - 4) / _CHARACTER)
    label = name if len(name) <= fits else f"{name[: fits - 1]}…" if fits > 3 else ""
    yield (
        f'<g><title>{_text(tooltip)}</title><rect x="{x:.1f}" y="{y}" width="{max(width - 0.5, _LEAST):.1f}" '
        f'height="{_ROW - 1}" rx="1" fill="{_colour(name, ours=box.ours)}"/>'
        f'<text x="{x + 3:.1f}" y="{y + 13}" fill="#111111">{_text(label)}</text></g>\n'
    )
    for inner_name, inner in sorted(box.inner.items()):
        yield from _boxes(inner_name, inner, x, y - _ROW, scale, whole, unit)
        x += inner.total * scale


def _colour(name: str, *, ours: bool) -> str:
    """Return a colour that is the same for a name in every picture."""
    number = zlib.crc32(name.encode())
    parts = []
    for low, high in _OURS if ours else _OTHERS:
        parts.append(low + number % (high - low + 1))
        number //= 256
    return f"#{parts[0]:02x}{parts[1]:02x}{parts[2]:02x}"


def _text(words: str) -> str:
    return escape(visible(words))
