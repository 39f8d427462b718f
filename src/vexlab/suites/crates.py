"""Suites that are programs in crates of Rust: found on PATH or in the cache, built into the cache when asked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import InfraError, UsageError
from vexlab.model.target import Target
from vexlab.suites.adapter import Installed, Payload, Search

# What is built once and then waits for an emulated disk need not be optimised: this halves the time of the build.
_QUICKLY = {
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
}
_BUILD_S = 1800.0
_SCRIPTS = Path(__file__).with_name("guest")
_VERSION = re.compile(r"\b(\d+\.\d+\.\d+)\b")  # pjdfstest 0.2.2


@dataclass(frozen=True, slots=True)
class Crate:
    """A suite whose one program has the crate's name, and is started in the guest by ``guest/NAME.sh``."""

    name: str
    version: str

    def find(self, search: Search) -> Installed:
        """Return the program: the one the user names, else that of PATH, else that in the cache.

        Raises ``UsageError`` where there is none, or where it does not say its version when it is asked.
        """
        kept = search.cache.get(Kind.SUITES, self._key)
        place = search.given or process.find(self.name) or (str(kept / "bin" / self.name) if kept else "")
        if not place:
            raise UsageError(f"{self.name} is not installed", hint=self._how)
        program = Path(place).expanduser().absolute()
        if program.is_dir():
            program = program / self.name
        if not program.is_file() or not os.access(program, os.X_OK):
            raise UsageError(f"{program} is no program", hint=self._how)
        return Installed(suite=self.name, place=program, version=_version(program))

    def install(self, cache: Cache) -> Installed:
        """Build it with cargo into the cache, unless it is there; raise ``UsageError`` without cargo."""
        if not process.find("cargo"):
            raise UsageError(
                f"{self.name} is built by cargo, which is not installed",
                hint="install Rust, or put the program on PATH",
            )
        kept = cache.make(Kind.SUITES, self._key, self._build)
        return Installed(suite=self.name, place=kept / "bin" / self.name, version=self.version)

    def pack(self, installed: Installed, _target: Target) -> Payload:
        """Return the program and the script that starts it."""
        script = f"{self.name}.sh"
        return Payload(files={script: _SCRIPTS / script}, programs={self.name: installed.place})

    def _build(self, draft: Path) -> None:
        argv = ["cargo", "install", "--locked", "--root", str(draft), "--version", self.version, self.name]
        done = process.run(argv, timeout=_BUILD_S, env=_QUICKLY, cwd=draft, keep=1 << 20)
        if done.returncode:
            words = done.error_text.strip()[-600:]
            raise InfraError(
                f"cargo does not build {self.name} {self.version}: {words}", hint="cargo's own words say why"
            )
        for record in draft.glob(".crates*"):
            record.unlink()

    @property
    def _key(self) -> str:
        return key_of("crate", self.name, self.version, sorted(_QUICKLY.items()))

    @property
    def _how(self) -> str:
        return f"`vexlab suites install {self.name}` builds version {self.version} with cargo; or put it on PATH"


def _version(program: Path) -> str:
    told = process.run([str(program), "--version"], timeout=30)
    match = _VERSION.search(told.text)
    if told.returncode or not match:
        words = (told.text + told.error_text).strip()[:300]
        raise UsageError(f"`{program} --version` does not say a version: {words}", hint="is it built for this machine?")
    return match[1]
