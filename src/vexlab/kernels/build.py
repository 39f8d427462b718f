"""Kernels of our own: a source, a flavour's fragments, make; kept in the cache by what made them.

The work goes on in a folder of its own in the cache, so that a build that was interrupted goes on where it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.deadline import Deadline
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.kernels import configuration, source, tools
from vexlab.kernels.debian import FACTS, index_modules
from vexlab.kernels.headers import copy_headers
from vexlab.kernels.progress import Steps
from vexlab.kernels.source import Source
from vexlab.model.kernel import Flavour, in_flavour

_FORMAT = 1
_WORK = "builds"
_TREE, _STAMP, _ASKED = "linux", "source", "asked.config"
_TREE_MIB, _ROOM_MIB = 1800, 9000  # of disk: a source, and what its build takes beside
_CONFIGURE_S = 600.0
_INSTALL_S = 900.0
_KEEP = 1 << 18  # bytes of what make says on standard error
_INSTRUMENTS = ("KASAN_SANITIZE", "UBSAN_SANITIZE", "KCSAN_SANITIZE", "KCOV_INSTRUMENT")
_SHOWN = 6000  # characters of it in an error
_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,40}")
# The same source gives the same kernel, whoever builds it and when (Documentation/kbuild/reproducible-builds.rst).
_SAME = {"KBUILD_BUILD_TIMESTAMP": "1970-01-01", "KBUILD_BUILD_USER": "vexlab", "KBUILD_BUILD_HOST": "vexlab"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be built: ``base`` is the name without the flavour, ``extra`` a fragment of the user's own.

    ``deadline_s`` is for all of it, in seconds. ``keep_tree`` leaves the built tree in the cache: some gigabytes, with
    which a build after a change is quick.
    """

    base: str
    flavour: Flavour
    source: Source
    extra: str = ""
    jobs: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    deadline_s: float = 6 * 3600.0
    keep_tree: bool = False

    @property
    def name(self) -> str:
        """The kernel's name: ``6.1-kasan``."""
        return in_flavour(self.base, self.flavour.name)


def build_kernel(plan: Plan, cache: Cache, apt: Apt, *, progress: Callable[[str], None]) -> bool:
    """Build the kernel of ``plan`` into the cache; return ``False`` where the same build was there.

    Raises ``UsageError`` where the configuration cannot be had, ``BuildError`` where the source does not build,
    ``InfraError`` where programs or room are missing, ``DeadlineError``.
    """
    if not _NAME.fullmatch(plan.base):
        raise UsageError(f"`{plan.base}` is no name for a kernel", hint="small letters, digits, `.`, `+` and `-`")
    cache.prepare()
    compiler = process.run(["gcc", "--version"], timeout=20, check=True).text.splitlines()[0]
    asked = configuration.wanted(plan.flavour, local_version=f"-vexlab-{plan.flavour.name}", extra=plan.extra)
    made_of = key_of(_FORMAT, plan.source.digest, asked, compiler, *plan.flavour.plain)
    if _made_of(cache, plan.name) == made_of:
        return False
    with cache.lock(f"{_WORK}-{plan.name}"):
        work = cache.root / _WORK / plan.name
        building = _Building(plan=plan, work=work, asked=asked, cache=cache, apt=apt, progress=progress)
        building.run({"version": made_of, "compiler": compiler})
    return True


def _made_of(cache: Cache, name: str) -> str:
    entry = cache.get(Kind.KERNELS, name)
    return str(json.loads((entry / FACTS).read_text())["version"]) if entry else ""


@dataclass(kw_only=True)
class _Building:
    plan: Plan
    work: Path
    asked: str
    cache: Cache
    apt: Apt
    progress: Callable[[str], None]

    def run(self, facts: dict[str, str]) -> None:
        begin, self.deadline = time.monotonic(), Deadline.after(self.plan.deadline_s)
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = {**_SAME, **tools.environment(tools.lacking(), self.apt, self.cache)}
        self._check_room()
        with self._telling_of_a_full_disk():
            self._take_source()
            self._configure()
            steps = self._compile()
            self._keep({**facts, "flavour": self.plan.flavour.name, "steps": str(steps)}, begin)
        if not self.plan.keep_tree:
            self.progress("removing the folder of the build")
            shutil.rmtree(self.work, ignore_errors=True)

    @property
    def tree(self) -> Path:
        return self.work / _TREE

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.work).free >> 20
        wanted = _ROOM_MIB if self.tree.exists() else _ROOM_MIB + _TREE_MIB
        if free < wanted and not (self.tree / "vmlinux.o").exists():
            raise InfraError(
                f"only {free} MiB are free in {self.work}, building a kernel takes {wanted}",
                hint="free some space, or set VEXLAB_CACHE to a folder on another disk",
            )

    @contextlib.contextmanager
    def _telling_of_a_full_disk(self) -> Iterator[None]:
        """Blame the disk, not the source, where it is full when something failed."""
        try:
            yield
        except BuildError as error:
            if shutil.disk_usage(self.work).free >> 20 < 50:
                raise InfraError(
                    f"the disk of {self.work} is full", hint="free some space; the build goes on"
                ) from error
            raise

    def _take_source(self) -> None:
        stamp = self.work / _STAMP
        if self.tree.exists() and stamp.exists() and stamp.read_text() == self.plan.source.digest:
            self.progress(f"going on in {self.tree}")
            return
        shutil.rmtree(self.work)
        self.work.mkdir()
        self.progress("unpacking the source")
        source.unpack(self.plan.source, self.apt, self.tree)
        if (self.tree / ".config").exists() or (self.tree / "include/config").exists():
            self._make(["mrproper"], _CONFIGURE_S)  # somebody built in it
        stamp.write_text(self.plan.source.digest)

    def _configure(self) -> None:
        fragment = self.work / _ASKED
        if not fragment.exists() or fragment.read_text() != self.asked or not (self.tree / ".config").exists():
            self.progress("configuring")
            fragment.unlink(missing_ok=True)
            draft = self.work / "fragment.config"
            draft.write_text(self.asked)
            argv = ["scripts/kconfig/merge_config.sh", "-n", str(draft)]
            self._run(argv, self.deadline.sooner(_CONFIGURE_S).remaining)
            self._verify()
            draft.rename(fragment)
        self._verify()

    def _verify(self) -> None:
        found = configuration.parse((self.tree / ".config").read_text())
        configuration.verify(configuration.parse(self.asked), found, self.tree)

    def _compile(self) -> int:
        steps = Steps(self.work, expected=self._steps_expected(), say=self.progress)
        argv = ["make", f"-j{self.plan.jobs}", *self._flags()]
        self._run(argv, self.deadline.remaining, log=steps.log, tick=steps.tell)
        return steps.done

    def _flags(self) -> tuple[str, ...]:
        """Return the variables of make: scripts/Makefile.lib asks ``KASAN_SANITIZE_file.o`` for each object."""
        plain = (f"{each}_{name}.o=n" for name in self.plan.flavour.plain for each in _INSTRUMENTS)
        return (f"KCFLAGS=-fdebug-prefix-map={self.tree}=/usr/src/linux", *plain)

    def _steps_expected(self) -> int:
        """Return how many steps the last kernel of the flavour took; of the first one, what was measured on 6.1."""
        counts = [2900]
        for entry in sorted((self.cache.root / Kind.KERNELS).glob(f"*-{self.plan.flavour.name}/{FACTS}")):
            with contextlib.suppress(OSError, ValueError):
                counts.append(int(json.loads(entry.read_text())["steps"]))
        return counts[-1]

    def _make(self, words: list[str], timeout: float) -> None:
        self._run(["make", *words], self.deadline.sooner(timeout).remaining)

    def _run(
        self, argv: list[str], timeout: float, *, log: Path | None = None, tick: Callable[[], None] | None = None
    ) -> None:
        if argv[0].startswith("scripts/"):
            argv = ["sh", *argv]
        done = process.run(
            argv, timeout=timeout, cwd=self.tree, env=self.environment, stdout=log, tick=tick, keep=_KEEP
        )
        if done.returncode:
            words = done.error_text.strip() or done.text.strip()
            raise BuildError(
                f"kernel {self.plan.name} does not build: `{' '.join(argv[:3])}` ended with status {done.returncode}",
                log=words[-_SHOWN:],
                hint=f"all that was said is in {log}" if log else "",
            )

    def _keep(self, facts: dict[str, str], begin: float) -> None:
        self.progress("taking what machines and modules need")
        release = (self.tree / "include/config/kernel.release").read_text().strip()
        facts |= {"release": release, "source": source.version_of(self.tree)}
        facts["seconds"] = f"{time.monotonic() - begin:.0f}"
        name, key = self.plan.name, f"{self.plan.name}-{facts['version']}"
        self.cache.drop(Kind.HEADERS, key)
        self.cache.make(Kind.HEADERS, key, lambda draft: copy_headers(self.tree, draft / "build"))
        self.cache.drop(Kind.KERNELS, name)
        self.cache.make(Kind.KERNELS, name, lambda draft: self._install(draft, release, facts))

    def _install(self, draft: Path, release: str, facts: dict[str, str]) -> None:
        place = draft / "installed"
        self._make([f"INSTALL_MOD_PATH={place}", "INSTALL_MOD_STRIP=1", *self._flags(), "modules_install"], _INSTALL_S)
        (place / "lib/modules").rename(draft / "modules")
        shutil.rmtree(place)
        for link in ("build", "source"):
            (draft / "modules" / release / link).unlink(missing_ok=True)
        index_modules(draft / "modules" / release)
        shutil.copy(self.tree / "arch/x86/boot/bzImage", draft / "vmlinuz")
        shutil.copy(self.tree / ".config", draft / "config")
        shutil.copy(self.tree / "System.map", draft / "System.map")
        (draft / FACTS).write_text(json.dumps(facts))
