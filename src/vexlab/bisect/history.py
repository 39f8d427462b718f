"""A target's history in git: revisions, and the target as it was at each, in a clone of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from vexlab import process
from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.targets.load import FILE

_GIT_S = 300.0
_WHO = ("-c", "user.name=vexlab", "-c", "user.email=vexlab@localhost", "-c", "core.hooksPath=/dev/null")


class History:
    """The repository that ``target`` lies in; ``folder`` is for the clone. The repository itself is not touched.

    The target's description is that of today at every revision: it says how the module is tested, not what it is.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._here = target.file.parent
        self._file = target.file
        self._root = Path(self._git(self._here, "rev-parse", "--show-toplevel").strip())
        self._below = self._here.resolve().relative_to(self._root.resolve())
        self._clone = folder / "clone"

    def revision(self, name: str) -> str:
        """Return the full name of a commit; raise ``UsageError`` where there is none."""
        if name.startswith("-"):
            raise UsageError(f"{name} is no revision")
        return self._git(self._here, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", what=name).strip()

    def between(self, good: str, bad: str) -> tuple[str, ...]:
        """Return the commits after ``good`` up to ``bad`` that touch the target's folder, the oldest first.

        Raises ``UsageError`` where ``good`` is no ancestor of ``bad``, or nothing of the target changed.
        """
        base = self._git(self._here, "merge-base", good, bad).strip()
        if base != good:
            raise UsageError(f"{good[:12]} is no ancestor of {bad[:12]}", hint="is --good the older one?")
        listed = self._git(
            self._here, "rev-list", "--reverse", "--first-parent", f"{good}..{bad}", "--", str(self._here)
        )
        found = tuple(listed.split())
        if not found:
            raise UsageError(f"nothing in {self._here} changed from {good[:12]} to {bad[:12]}")
        return found

    def parent(self, revision: str) -> str:
        """Return the first parent of a commit."""
        return self.revision(f"{revision}^1")

    def subject(self, revision: str) -> str:
        """Return the abbreviated name of a commit, its date and its subject."""
        return self._git(self._here, "log", "-1", "--format=%h %cs %s", revision).strip()

    def at(self, revision: str) -> Path:
        """Check the commit out in the clone, and return the target's file there."""
        self._fresh(revision)
        return self._described()

    def without(self, revision: str, bad: str) -> Path | None:
        """Return the target's file of ``bad`` with the commit ``revision`` reverted, ``None`` where that conflicts."""
        self._fresh(bad)
        done = process.run(
            ["git", *_WHO, "-C", str(self._clone), "revert", "--no-commit", "--no-edit", revision], timeout=_GIT_S
        )
        return None if done.returncode else self._described()

    def _fresh(self, revision: str) -> None:
        if not self._clone.is_dir():
            self._clone.parent.mkdir(parents=True, exist_ok=True)
            self._git(self._here, "clone", "-q", "--shared", "--no-checkout", str(self._root), str(self._clone))
        process.run(["git", *_WHO, "-C", str(self._clone), "revert", "--quit"], timeout=_GIT_S)
        self._git(self._clone, "checkout", "-q", "--force", "--detach", revision)
        self._git(self._clone, "clean", "-qdfx")

    def _described(self) -> Path:
        folder = self._clone / self._below
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._file, folder / FILE)
        return folder / FILE

    def _git(self, folder: Path, *words: str, what: str = "") -> str:
        done = process.run(["git", *_WHO, "-C", str(folder), *words], timeout=_GIT_S)
        if done.returncode:
            said = done.error_text.strip().partition("\n")[0] or f"no commit `{what}`"
            raise UsageError(f"git {words[0]}: {said}", hint="bisect needs the git history of the target's folder")
        return done.text
