"""Rust and C++ symbol names made readable, as far as kernel traces need it: paths, types, no parameters.

Rust v0: https://doc.rust-lang.org/rustc/symbol-mangling/v0.html. Itanium (and Rust's legacy form): the nested-name
production of https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling. What is not understood stays as it is.
"""

from __future__ import annotations

import re

_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize",
    "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "s": "i16", "t": "u16", "u": "()",
    "v": "...", "x": "i64", "y": "u64", "z": "!", "p": "_",
}  # fmt: skip
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DEEPEST = 60
_HASH = re.compile(r"^h[0-9a-f]{16}$")
_LEGACY = {
    "$LT$": "<",
    "$GT$": ">",
    "$u20$": " ",
    "$C$": ",",
    "$RF$": "&",
    "$BP$": "*",
    "$LP$": "(",
    "$RP$": ")",
}


class _NotMangled(ValueError):
    """The text does not follow the scheme."""


def demangle(name: str) -> str:
    """The readable path of a mangled name, or the name itself."""
    try:
        if name.startswith("_R"):
            return _V0(name[2:]).path(0)
        if name.startswith("_ZN"):
            return _nested(name[3:])
        if name.startswith("_Z"):
            return _nested(name[2:])
    except (_NotMangled, ValueError, IndexError, RecursionError):
        pass
    return name


def _nested(text: str) -> str:
    """``4core3fmt5write17h…E`` -> ``core::fmt::write``."""
    parts: list[str] = []
    pos = 1 if text[:1] == "K" else 0
    while text[pos].isdigit():
        digits = re.match(r"\d{1,4}", text[pos:])
        if digits is None:
            break
        pos += digits.end()
        part = text[pos : pos + int(digits[0])]
        if len(part) < int(digits[0]):
            raise _NotMangled(text)
        pos += int(digits[0])
        parts.append(part)
    if not parts:
        raise _NotMangled(text)
    if len(parts) > 1 and _HASH.match(parts[-1]):
        parts.pop()
    joined = "::".join(parts)
    for code, char in _LEGACY.items():
        joined = joined.replace(code, char)
    return joined.replace("..", "::")


class _V0:
    """A reader of Rust's v0 names; ``pos`` walks over the text behind ``_R``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0

    def take(self) -> str:
        char = self.text[self.pos]
        self.pos += 1
        return char

    def number(self) -> int:
        """``base-62-number``: ``_`` is 0, ``0_`` is 1."""
        value = 0
        if self.text[self.pos] == "_":
            self.pos += 1
            return 0
        while (char := self.take()) != "_":
            value = value * 62 + _DIGITS.index(char)
        return value + 1

    def identifier(self) -> str:
        if self.text[self.pos] == "s":
            self.pos += 1
            self.number()
        puny = self.text[self.pos] == "u"
        self.pos += puny
        digits = re.match(r"0|[1-9]\d{0,4}", self.text[self.pos :])
        if digits is None:
            raise _NotMangled(self.text)
        self.pos += digits.end()
        if self.text[self.pos : self.pos + 1] == "_":
            self.pos += 1
        part = self.text[self.pos : self.pos + int(digits[0])]
        if len(part) < int(digits[0]):
            raise _NotMangled(self.text)
        self.pos += int(digits[0])
        return part

    def path(self, depth: int) -> str:
        """``C`` crate, ``N`` nested, ``M`` inherent impl, ``X``/``Y`` trait impl, ``I`` generic, ``B`` back reference."""
        if depth > _DEEPEST:
            raise _NotMangled(self.text)
        tag = self.take()
        if tag == "C":
            return self.identifier()
        if tag == "N":
            return self._inside(depth)
        if tag in "MX":
            if self.text[self.pos] == "s":
                self.pos += 1
                self.number()
            self.path(depth + 1)
        if tag == "M":
            return f"<{self.type(depth + 1)}>"
        if tag in "XY":
            own = self.type(depth + 1)
            return f"<{own} as {self.path(depth + 1)}>"
        if tag == "I":
            return f"{self.path(depth + 1)}::<{', '.join(self.until_e(depth))}>"
        if tag == "B":
            return self.back(_V0.path, depth)
        raise _NotMangled(self.text)

    def _inside(self, depth: int) -> str:
        space = self.take()
        outer = self.path(depth + 1)
        name = self.identifier()
        if space.isupper():
            return f"{outer}::{{{'closure' if space == 'C' else 'shim'}}}"
        return f"{outer}::{name}"

    def until_e(self, depth: int) -> list[str]:
        found: list[str] = []
        while self.text[self.pos] != "E":
            if self.text[self.pos] == "L":
                self.pos += 1
                self.number()
            elif self.text[self.pos] == "K":
                raise _NotMangled(self.text)
            else:
                found.append(self.type(depth + 1))
        self.pos += 1
        return found

    def back(self, read: object, depth: int) -> str:
        """Read again what stands at an earlier place."""
        place = self.number()
        here, self.pos = self.pos, place
        if place >= here:
            raise _NotMangled(self.text)
        found = self.path(depth + 1) if read is _V0.path else self.type(depth + 1)
        self.pos = here
        return found

    def type(self, depth: int) -> str:
        if depth > _DEEPEST:
            raise _NotMangled(self.text)
        tag = self.text[self.pos]
        if tag in _BASIC:
            self.pos += 1
            return _BASIC[tag]
        if tag in "CNMXYI":
            return self.path(depth)
        self.pos += 1
        if tag in "RQ":
            if self.text[self.pos] == "L":
                self.pos += 1
                self.number()
            return ("&" if tag == "R" else "&mut ") + self.type(depth + 1)
        if tag in "PO":
            return ("*const " if tag == "P" else "*mut ") + self.type(depth + 1)
        if tag == "S":
            return f"[{self.type(depth + 1)}]"
        if tag == "T":
            return f"({', '.join(self.until_e(depth))})"
        if tag == "B":
            return self.back(_V0.type, depth)
        raise _NotMangled(self.text)
