"""Components of somebody else's: classes that an installed package names in the group ``vexlab.components``.

Each becomes one case, ``components.component[KERNEL-NAME]``, with a fresh machine. Such a class has no base::

    class NewTestComponent:
        machine: Machine       # set before ``setup``; as ``target`` and ``metrics``

        def setup(self): ...
        def execute(self): ...
        def cleanup(self): ...
        def get_results(self): ...   # TestResults: one, several, or by name
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.component import BUILT_IN, DOMAIN
from vexlab.tables import suggest

GROUP = "vexlab.components"
CASES = Path(__file__).with_name("test_components.py")
VERBS = ("setup", "execute", "cleanup", "get_results")


def installed() -> dict[str, EntryPoint]:
    """Return the installed components by name; nothing of them is imported. Raises ``UsageError`` for a name twice."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if entry.name in found or entry.name in BUILT_IN:
            raise UsageError(f"two components are called `{entry.name}`", hint="remove one of the packages")
        found[entry.name] = entry
    return found


def check_enabled(names: tuple[str, ...]) -> None:
    """Raise ``UsageError`` for a component that there is not, with what is missing."""
    there = installed()
    for name in names:
        if name in BUILT_IN and BUILT_IN[name].missing:
            raise UsageError(
                f"the component `{name}` is not there: {BUILT_IN[name].missing}",
                hint=f"a package with an entry point of {GROUP} may bring one; `vexlab components` lists them",
            )
        if name not in BUILT_IN and name not in there:
            raise UsageError(f"no component `{name}`", hint=suggest(name, [*BUILT_IN, *there]))


def load(name: str) -> type:
    """Import the class of an installed component; raise ``UsageError`` where it is none."""
    entry = installed()[name]
    try:
        found = entry.load()
    except Exception as error:
        raise UsageError(f"the component `{name}` ({entry.value}) cannot be imported: {error}") from error
    missing = [verb for verb in VERBS if not callable(getattr(found, verb, None))]
    if not isinstance(found, type) or missing:
        raise UsageError(f"the component `{name}` ({entry.value}) has no method {', '.join(missing or VERBS)}")
    return found


__all__ = ["CASES", "DOMAIN", "GROUP", "VERBS", "check_enabled", "installed", "load"]
