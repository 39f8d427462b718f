"""Data flows one way: a module imports only from layers before its own, siblings do not import each other."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "vexlab"

# ARCHITECTURE.md draws the same list.
LAYERS = (
    ("model", "errors"),
    ("deadline", "process", "config", "cache", "apt", "temporary", "stats"),
    ("targets", "kernels", "images"),
    ("workloads",),
    ("vm",),
    ("guest", "observe", "classify"),
    ("lab",),
    ("probe",),
    ("plugin", "domains", "doctor"),
    ("session",),
    ("results", "report", "selfcheck"),
    ("cli",),
)
# Within layer 1 these build on each other, in this order; the domains are what the plugin collects and import it.
ALLOWED = {
    ("process", "deadline"), ("cache", "process"), ("apt", "process"), ("config", "cache"), ("domains", "plugin"),
    ("plugin", "domains", "doctor"),
}  # fmt: skip


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


def test_processes_start_in_two_places_only() -> None:
    starters = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if "subprocess"
        in {
            alias.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
    }
    assert starters <= {"process.py", "vm/machine.py", "vm/janitor.py"}
