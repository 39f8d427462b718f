"""Data flows one way: a module imports only from layers before its own, siblings do not import each other."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "vexlab"
SCRIPTS = SOURCE / "workloads" / "scripts"

# ARCHITECTURE.md draws the same list.
LAYERS = (
    ("model", "errors"),
    ("deadline", "process", "tables", "config", "cache", "apt", "temporary", "stats", "runlog"),
    ("targets", "kernels", "images"),
    ("workloads",),
    ("vm",),
    ("guest", "observe", "classify"),
    ("lab",),
    ("probe", "debug", "trace"),
    ("plugin", "domains", "suites", "components", "doctor"),
    ("session",),
    ("results", "report", "selfcheck", "campaign", "migrate", "watch", "bisect", "fuzz", "carry", "replay", "coverage"),
    ("live",),
    ("monitor", "metrics"),
    ("serve", "alerts", "bundle"),
    ("library",),
    ("cluster", "infra"),
    ("cli",),
)
# Within layer 1 these build on each other; the domains and the cases of suites are what the plugin collects, and
# import it.
ALLOWED = {
    ("process", "deadline"),
    ("config", "tables"),
    ("apt", "process"),
    ("domains", "plugin"),
    ("suites", "plugin"),
    ("components", "plugin"),
}


def _layer(package: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if package in names)


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vexlab"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("vexlab.")}
    return found - {"__version__"}


def test_every_package_has_a_layer() -> None:
    known = {name for names in LAYERS for name in names} | {"__init__", "__main__", "py"}
    there = {path.stem for path in SOURCE.iterdir() if path.suffix in ("", ".py") and path.name != "__pycache__"}
    assert there <= known


def test_imports_go_one_way() -> None:
    wrong = []
    files = [
        file for file in SOURCE.rglob("*.py") if len(file.relative_to(SOURCE).parts) > 1 or file.stem != "__main__"
    ]
    for file in files:
        package = file.relative_to(SOURCE).parts[0].removesuffix(".py")
        if package == "__init__":
            continue
        for imported in _imports(file):
            same = imported == package
            if not same and (package, imported) not in ALLOWED and _layer(imported) >= _layer(package):
                wrong.append(f"{file.relative_to(SOURCE)} imports {imported}")
    assert not wrong


def _files(package: str) -> list[Path]:
    return [file for file in SOURCE.rglob("*.py") if file.relative_to(SOURCE).parts[0].removesuffix(".py") == package]


def test_every_allowance_is_used() -> None:
    unused = {pair for pair in ALLOWED if not any(pair[1] in _imports(file) for file in _files(pair[0]))}
    assert not unused


def _name(file: Path) -> str:
    """Return a module's name: ``vexlab.vm.machine``, ``vexlab.vm`` for the ``__init__.py`` of a package."""
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _modules(file: Path, known: Collection[str]) -> set[str]:
    """Return the modules that a file imports, wherever in it: also in functions, and for the type checker alone."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:  # a module of the package, or a name in its __init__.py
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(known)


def _circles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Return the modules that reach themselves, those of one circle together."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            for each in graph.get(ahead.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    ahead.append(each)
        return seen

    reach = {name: reached(name) for name in graph}
    circles = {tuple(sorted(n for n in reach[name] if name in reach[n])) for name in graph if name in reach[name]}
    return sorted(map(list, circles))


def test_circles_are_found() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": [], "e": ["e"]}
    assert _circles(graph) == [["b", "c"], ["e"]]


def test_no_package_holds_a_circle() -> None:
    files = {_name(file): file for file in SOURCE.rglob("*.py")}
    assert not _circles({name: _modules(file, files) for name, file in files.items()})


def test_processes_start_in_two_places_only() -> None:
    starters = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if SCRIPTS not in file.parents  # they run in a guest
        and "subprocess"
        in {
            alias.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
    }
    assert starters <= {"process.py", "vm/emulator.py", "vm/janitor.py"}
