"""What running vexlab's cases under Avocado needs: Avocado, and the plugin in its environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from vexlab import process
from vexlab.doctor.check import Check
from vexlab.errors import VexlabError

VARIABLE = "VEXLAB_AVOCADO"
ENVIRONMENT = Path("programs/avocado/bin/avocado")  # in the cache, where scripts/avocado-tools puts it
_ASK_S = 60.0
_INSTALL = "scripts/avocado-tools makes an environment with it"
_PLUGIN = "pip install './integrations/avocado[variants]' in Avocado's environment; scripts/avocado-tools makes one"
# What Avocado-VT starts on the host (`avocado vt-bootstrap` looks for them), and the packages that hold them.
_PROGRAMS = {"tcpdump": "tcpdump", "nc": "netcat-openbsd", "arping": "iputils-arping"}


def find_avocado(cache: Path) -> str:
    """Return the program: the one that the variable names, on PATH, or in the cache; empty where there is none."""
    kept = cache / ENVIRONMENT
    return os.environ.get(VARIABLE, "") or process.find("avocado") or (str(kept) if kept.exists() else "")


def look(cache: Path) -> tuple[Check, ...]:
    """Return the checks for the Avocado that is found here."""
    program = find_avocado(cache)
    there = {name: process.find(name) is not None for name in _PROGRAMS}
    try:
        version = process.run([program, "--version"], timeout=_ASK_S, check=True).text.strip() if program else ""
        plugins = process.run([program, "plugins"], timeout=_ASK_S, check=True).text if program else ""
    except (VexlabError, OSError) as error:
        return (Check(name="avocado", ok=False, detail=f"{program} does not answer: {error}", fix=_INSTALL),)
    return tuple(checks(program, version, plugins, there))


def checks(program: str, version: str, plugins: str, there: Mapping[str, bool]) -> Iterator[Check]:
    """Yield what follows from the words of ``avocado --version`` and ``avocado plugins``. Pure.

    ``there`` tells which of the programs that Avocado-VT starts are installed; without Avocado-VT they do not matter.
    """
    if not version:
        yield Check(
            name="avocado",
            ok=False,
            detail="not found on PATH or in the cache",
            fix=f"{_INSTALL}; {VARIABLE} names one elsewhere",
        )
        return
    yield Check(name="avocado", ok=True, detail=f"{version} ({program})")
    listed = _plugins(plugins)
    resolver = any("vexlab:level1" in line for line in listed.get("vexlab", ()))
    yield Check(
        name="plugin of vexlab",
        ok=resolver,
        detail="resolves vexlab:level1 and runs cases" if resolver else "Avocado does not know it",
        fix=_PLUGIN,
    )
    yield Check(
        name="variants",
        ok="yaml_to_mux" in listed,
        detail="--mux-yaml chooses kernels and flavours" if "yaml_to_mux" in listed else "there is no --mux-yaml",
        fix="pip install avocado-framework-plugin-varianter-yaml-to-mux, of the same version as Avocado",
        needed=False,
    )
    if "avocado-vt" not in listed:
        return
    for name, package in _PROGRAMS.items():
        yield Check(
            name=name,
            ok=there.get(name, False),
            detail="started by Avocado-VT",
            fix=f"install it; Debian's package is {package}",
            needed=False,
        )


def _plugins(text: str) -> dict[str, list[str]]:
    """Return what is said of each plugin, by name; one may be in several lists."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():  # vexlab                Settings of the vexlab plugin
        name, _, about = line.partition(" ")
        if name and about.strip():
            found.setdefault(name, []).append(about.strip())
    return found
