"""What a build leaves behind for counting which lines of a module run: gcov's notes, and the sources they speak of.

``GCOV_PROFILE=y`` has kbuild compile the module's own objects with ``-fprofile-arcs -ftest-coverage``
(Documentation/dev-tools/gcov.rst); the kernel keeps the counters. Each object holds the path of its file of counters,
in the folder of the build: gcc has no option that maps it away. So two builds of one source are not the same bytes, and
a file of counters is known by how its path ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from vexlab.errors import UsageError

COUNT = "GCOV_PROFILE=y"  # among make's arguments
NOTES = "counted"  # folder of a build: `notes` of gcov's, and `source`
NOTES_FOLDER, SOURCE_FOLDER = "notes", "source"
NOTES_END, COUNTERS_END = ".gcno", ".gcda"
_SOURCES = (".c", ".h", ".S")
_NOT_OURS = ".mod.c"  # modpost makes it
_MOST_FILES = 5000


def keep_notes(copy: Path, into: Path, take: Callable[[Path, Path], object]) -> None:
    """Copy gcov's notes and the sources in ``copy``, the folder that was built, to ``into``.

    ``take`` copies a file that a build made. Raises ``UsageError`` where there are no notes.
    """
    found = [path for path in sorted(copy.rglob("*")) if path.is_file() and not path.name.endswith(_NOT_OURS)]
    notes = [path for path in found if path.suffix == NOTES_END]
    sources = [path for path in found if path.suffix in _SOURCES]
    if not notes:
        raise UsageError(
            f"the module was built with {COUNT} and no object of it counts",
            hint="does its Makefile set GCOV_PROFILE or KBUILD_CFLAGS itself?",
        )
    for folder, paths in ((NOTES_FOLDER, notes), (SOURCE_FOLDER, sources)):
        for path in paths[:_MOST_FILES]:
            to = into / folder / path.relative_to(copy)
            to.parent.mkdir(parents=True, exist_ok=True)
            take(path, to)


def noted(folder: Path) -> tuple[str, ...]:
    """Return the objects whose notes lie in a folder of ``keep_notes``, as paths without ending: ``super``, ``a/b``."""
    notes = folder / NOTES_FOLDER
    return tuple(sorted(str(path.relative_to(notes).with_suffix("")) for path in notes.rglob(f"*{NOTES_END}")))


def known_counters(found: Mapping[str, bytes], objects: Iterable[str]) -> dict[str, bytes]:
    """Return of files of counters, each with its path in the guest, those of ``objects``, under their names.

    Paths come from a guest and may be anything: only their ends are compared, and none becomes a path of ours.

    >>> known_counters({"./tmp/vexlab-build-x/source/super.gcda": b"", "./etc/shadow": b""}, ["super"])
    {'super': b''}
    """
    longest_first = sorted(objects, key=lambda each: -len(PurePosixPath(each).parts))
    matched: dict[str, bytes] = {}
    for path, data in found.items():
        for each in longest_first:
            if f"/{path}".endswith(f"/{each}{COUNTERS_END}"):
                matched.setdefault(each, data)
                break
    return matched
