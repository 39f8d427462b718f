"""What changed in a target's source, and which domains a change concerns, by rules on files.

Which cases reach what changed is told by counters, where a run kept some (``vexlab.coverage``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.errors import UsageError
from vexlab.model.target import Target

_GIT_S = 60.0
HEAD = "HEAD"

# Words in the name of a file of a filesystem's source, and the domains whose cases are about such code. First match.
RULES: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = (
    # vector.c, search_knn.c, ann_index.c, ioctl.c
    (re.compile(r"vec|knn|ann|embed|ioctl|distance"), ("vector_operations",)),
    # journal.c, recovery.c, replay.c, log.c, orphan.c, transaction.c
    (re.compile(r"journal|recover|replay|orphan|transact|\blog|wal"), ("safety_validation",)),
    # dir.c, namei.c, inode.c, file.c, xattr.c, acl.c, symlink.c, balloc.c, extent.c
    (
        re.compile(r"dir|name|inode|file|xattr|acl|link|alloc|extent|block|bitmap|aops|mmap|read|write"),
        ("filesystem_operations", "integration"),
    ),
    # super.c, mount.c, options.c, main.c, init.c, module.c, sysfs.c
    (re.compile(r"super|mount|option|param|main|init|module|sysfs|proc"), ("kernel_module", "filesystem_operations")),
)
_SOURCE = (".c", ".h", ".S", ".rs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """What a change concerns: ``domains``, or with ``everything`` all; ``why`` says by which rule, in a sentence.

    ``nothing`` tells that nothing changed at all.
    """

    domains: tuple[str, ...] = ()
    everything: bool = False
    nothing: bool = False
    why: str = ""


def changed_files(target: Target, revision: str = HEAD) -> tuple[str, ...]:
    """Return the files of the target that differ from ``revision``, new ones as well, relative to its folder.

    Raises ``UsageError`` where the target is in no repository or there is no such revision.
    """
    folder = target.file.parent
    if revision.startswith("-"):
        raise UsageError(f"{revision} is no revision")
    differing = _git(folder, "diff", "--name-only", "--relative", "-z", _tree(folder, revision), "--", ".")
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    return tuple(sorted({name for name in f"{differing}\0{new}".split("\0") if name}))


def _tree(folder: Path, revision: str) -> str:
    """Return the revision, or the tree without files where it is that of a repository without commits."""
    git = ["git", "-C", str(folder), "rev-parse"]
    if revision != HEAD or process.run(git, timeout=_GIT_S).returncode:  # no repository: whoever asks it is told so
        return revision
    if not process.run([*git, "-q", "--verify", HEAD], timeout=_GIT_S).returncode:
        return revision
    return _git(folder, "hash-object", "-t", "tree", "/dev/null").strip()


def text_at(target: Target, revision: str, name: str) -> str:
    """Return a file of the target, its path relative to the target's folder, at ``revision``; empty where it was none.

    Raises ``UsageError`` where the target is in no repository or there is no such revision.
    """
    folder = target.file.parent
    revision = _tree(folder, revision)
    if not _git(folder, "ls-tree", "--name-only", revision, "--", name):
        return ""
    return _git(folder, "show", f"{revision}:./{name}")


def module_sources(files: Sequence[str], target: Target) -> dict[str, str]:
    """Return those of ``files`` that are sources of the module: their paths in its folder, by the given names."""
    if target.source is None:
        return {}
    folder, source = target.file.parent.resolve(), target.source.resolve()
    found = {}
    for name in files:
        path = (folder / name).absolute()
        if path.suffix in _SOURCE and path.is_relative_to(source) and _is_module(Path(name), target):
            found[name] = str(path.relative_to(source))
    return found


def _git(folder: Path, *words: str) -> str:
    done = process.run(["git", "-C", str(folder), *words], timeout=_GIT_S)
    if done.returncode:
        said = done.error_text.strip().partition("\n")[0]
        raise UsageError(f"what changed in {folder} cannot be told: {said}", hint="--changed needs a git repository")
    return done.text


def concern(files: Sequence[str], target: Target) -> Concern:
    """Return what cases a change of ``files`` (relative to the target's folder) concerns."""
    if not files:
        return Concern(nothing=True, why="nothing changed")
    found: dict[str, None] = {}
    for name in files:
        path = Path(name)
        if path.suffix not in _SOURCE:
            if _is_only_words(path):
                continue
            return Concern(everything=True, why=f"{name} is no source: everything may be concerned")
        if not _is_module(path, target):
            return Concern(everything=True, why=f"{name} is a program's source, which any case may run")
        domains = next((domains for rule, domains in RULES if rule.search(path.stem.lower())), ())
        if not domains:
            return Concern(everything=True, why=f"no rule says what {name} is about: everything may be concerned")
        found |= dict.fromkeys(domains)
    if not found:
        return Concern(nothing=True, why="only documentation or tests of the target changed")
    names = ", ".join(files[:5]) + (" …" if len(files) > 5 else "")
    return Concern(domains=tuple(found), why=f"by the names of {names}: {', '.join(found)}")


def _is_only_words(path: Path) -> bool:
    """Whether a file is nothing that is built or run in a guest."""
    return path.suffix in (".md", ".rst", ".txt") or path.parts[0] in ("docs", "tests", "Documentation")


def _is_module(path: Path, target: Target) -> bool:
    folder = target.file.parent
    tools = [tool.source for tool in target.tools]
    return not any((folder / path).resolve().is_relative_to(tool.resolve()) for tool in tools)
