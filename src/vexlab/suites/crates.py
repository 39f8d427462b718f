"""Suites that are programs in crates of Rust: found on PATH or in the cache, built into the cache when asked."""

from __future__ import annotations

import os
import re
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import InfraError, UsageError
from vexlab.suites.adapter import Installed, Search

# What is built once and then waits for an emulated disk need not be optimised: this halves the time of the build.
_QUICKLY = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
_BUILD_S = 1800.0
_VERSION = re.compile(r"\b(\d+\.\d+\.\d+)\b")  # pjdfstest 0.2.2


def find_crate(name: str, version: str, search: Search) -> Installed:
    """Return the program ``name``: the one the user names, else that of PATH, else that in the cache.

    Raises ``UsageError`` where there is none, or where it does not say its version when it is asked.
    """
    kept = search.cache.get(Kind.SUITES, _key(name, version))
    place = search.given or process.find(name) or (str(kept / "bin" / name) if kept else "")
    if not place:
        raise UsageError(f"{name} is not installed", hint=_how(name, version))
    program = Path(place).expanduser().absolute()
    if program.is_dir():
        program = program / name
    if not program.is_file() or not os.access(program, os.X_OK):
        raise UsageError(f"{program} is no program", hint=_how(name, version))
    return Installed(suite=name, place=program, version=_version(program))


def install_crate(name: str, version: str, cache: Cache) -> Installed:
    """Build the crate with cargo into the cache, unless it is there; raise ``UsageError`` without cargo."""
    if not process.find("cargo"):
        raise UsageError(
            f"{name} is built by cargo, which is not installed", hint="install Rust, or put the program on PATH"
        )

    def build(draft: Path) -> None:
        argv = ["cargo", "install", "--locked", "--root", str(draft), "--version", version, name]
        done = process.run(argv, timeout=_BUILD_S, env=_QUICKLY, cwd=draft, keep=1 << 20)
        if done.returncode:
            words = done.error_text.strip()[-600:]
            raise InfraError(f"cargo does not build {name} {version}: {words}", hint="cargo's own words say why")
        for record in draft.glob(".crates*"):
            record.unlink()

    kept = cache.make(Kind.SUITES, _key(name, version), build)
    return Installed(suite=name, place=kept / "bin" / name, version=version)


def _key(name: str, version: str) -> str:
    return key_of("crate", name, version, sorted(_QUICKLY.items()))


def _how(name: str, version: str) -> str:
    return f"`vexlab suites install {name}` builds version {version} with cargo; or put it on PATH"


def _version(program: Path) -> str:
    told = process.run([str(program), "--version"], timeout=30)
    match = _VERSION.search(told.text)
    if told.returncode or not match:
        words = (told.text + told.error_text).strip()[:300]
        raise UsageError(f"`{program} --version` does not say a version: {words}", hint="is it built for this machine?")
    return match[1]
