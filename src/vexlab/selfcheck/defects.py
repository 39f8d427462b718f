"""A catalogue of defects: mistakes that can be built into a target, one at a time."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from vexlab.errors import UsageError
from vexlab.tables import read_table, suggest


class Defect(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "class"}):
    """A ``[[defect]]`` table: ``name`` is what the build gets as ``DEFECT=``; ``flavour`` the kernels that can show it.

    ``expected`` is what a laboratory should report, in words for people; nothing says which case finds it.
    """

    name: str
    kind: str
    description: str
    where: str
    flavour: tuple[str, ...]
    expected: str

    @property
    def words(self) -> str:
        """All that is said of it."""
        return " ".join((self.kind, self.description, self.where, self.expected))


def load_defects(file: Path) -> tuple[Defect, ...]:
    """Read a catalogue; raise ``UsageError`` that names what is wrong."""
    try:
        tables = read_table(file).get("defect", [])
    except UsageError as error:
        raise UsageError(f"{file} cannot be read as a catalogue of defects: {error.message}") from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{file} holds no [[defect]] tables")
    known = [field.encode_name for field in msgspec.structs.fields(Defect)]
    for table in tables:
        for key in table:
            if key not in known:
                raise UsageError(f"{file}: unknown key `{key}` in [[defect]]", hint=suggest(key, known))
    try:
        return msgspec.convert(tables, tuple[Defect, ...])
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}: {error}") from error


def named(defects: tuple[Defect, ...], names: tuple[str, ...]) -> tuple[Defect, ...]:
    """Return the defects called ``names``; raise ``UsageError`` for a name the catalogue lacks."""
    known = {defect.name: defect for defect in defects}
    for name in names:
        if name not in known:
            raise UsageError(f"no defect `{name}` in the catalogue", hint=suggest(name, known))
    return tuple(known[name] for name in names)


def visible_on(defects: tuple[Defect, ...], shows: Collection[str]) -> tuple[Defect, ...]:
    """Return the defects that can be seen on kernels with any of what ``shows`` names (``Flavour.shows``)."""
    return tuple(defect for defect in defects if set(shows) & set(defect.flavour))


def sample(defects: tuple[Defect, ...], count: int) -> tuple[Defect, ...]:
    """Return ``count`` defects spread evenly over the catalogue, always the same ones."""
    if not count or count >= len(defects):
        return defects
    return tuple(defects[index * len(defects) // count] for index in range(count))
