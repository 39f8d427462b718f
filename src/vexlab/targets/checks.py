"""Checks of a target without a machine: does it build, what do analysers say, do its own unit tests pass."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.errors import BuildError, DeadlineError
from vexlab.model.target import ModuleArtifact, Target
from vexlab.targets.analysers import Analyser, AnalysisInputs, lacking, look
from vexlab.targets.remarks import KnownRemark, Remark, new_remarks

_TESTS = "tests"
_TESTS_S = 900.0
_KEEP = 1 << 20
_NO_TESTS = 5  # pytest's exit status

Build = Callable[[Target], ModuleArtifact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How a check ended: ``ok`` is ``None`` where it could not be made, ``words`` say why or what was found."""

    name: str
    ok: bool | None
    words: str
    seconds: float = 0.0
    details: tuple[str, ...] = ()


def built(target: Target, build: Build) -> Checked:
    """Build the target's module and programs; warnings about its own files are listed."""
    begin = time.monotonic()
    if target.source is None:
        return Checked(name="build", ok=None, words=f"{target.name} comes with the kernel")
    try:
        artifact = build(target)
    except BuildError as error:
        return _ended("build", begin, ok=False, words=error.message, details=tuple(error.log.splitlines()[-40:]))
    words = f"{len(artifact.warnings)} warnings" + (", as built before" if artifact.cached else "")
    return _ended("build", begin, ok=True, words=words, details=artifact.warnings)


def analysed(
    analyser: Analyser, inputs: AnalysisInputs, known: Iterable[KnownRemark]
) -> tuple[Checked, tuple[Remark, ...]]:
    """Look at the target's source, and say what is remarked beyond what is ``known``; return all remarks besides."""
    begin = time.monotonic()
    if reason := lacking(analyser, inputs):
        return Checked(name=analyser.name, ok=None, words=reason), ()
    try:
        remarks = look(analyser, inputs)
    except BuildError as error:
        log = tuple(error.log.splitlines()[-40:])
        return _ended(analyser.name, begin, ok=False, words=error.message, details=log), ()
    except DeadlineError:
        words = f"it did not end within {time.monotonic() - begin:.0f} s: is the machine overloaded?"
        return _ended(analyser.name, begin, ok=None, words=words), ()
    fresh = new_remarks(remarks, known)
    words = f"{len(fresh)} remarks" + (f", {len(remarks) - len(fresh)} known" if len(fresh) < len(remarks) else "")
    return _ended(analyser.name, begin, ok=not fresh, words=words, details=tuple(map(str, fresh))), remarks


def unit_tests(target: Target, *, timeout: float = _TESTS_S) -> Checked:
    """Run the target's own tests: ``tests/test_*.py`` beside its target.toml, those that need no machine.

    They run as you, outside the sandbox: they are the developer's own.
    """
    begin = time.monotonic()
    folder = target.file.parent / _TESTS
    if not any(folder.glob("test_*.py")):
        return Checked(name="unit tests", ok=None, words=f"{target.name} has no {_TESTS}/test_*.py")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not machine and not long"]
    try:
        done = process.run([*argv, str(folder)], timeout=timeout, cwd=_root(folder), keep=_KEEP)
    except DeadlineError as error:
        return _ended("unit tests", begin, ok=False, words=error.message)
    lines = [line for line in done.text.splitlines() if line.strip()]
    words = lines[-1].strip("= ") if lines else f"status {done.returncode}"
    if done.returncode == _NO_TESTS:
        return _ended("unit tests", begin, ok=None, words="none of them can run without a machine")
    return _ended("unit tests", begin, ok=not done.returncode, words=words, details=tuple(lines[-40:-1]))


def _root(folder: Path) -> Path:
    """Return the folder that pytest is started in: the one of the nearest pyproject.toml above, or the target's."""
    found = (each for each in folder.parents if (each / "pyproject.toml").is_file())
    return next(found, folder.parent)


def _ended(name: str, begin: float, *, ok: bool | None, words: str, details: tuple[str, ...] = ()) -> Checked:
    return Checked(name=name, ok=ok, words=words, seconds=time.monotonic() - begin, details=details)
