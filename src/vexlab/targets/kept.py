"""What a run had in its guests, kept with its evidence, so that a case runs again with the very same."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from vexlab.cache import file_digest
from vexlab.errors import InfraError, UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.targets.build import debug_beside

_FACTS = "facts.json"


def keep_artifact(artifact: ModuleArtifact, folder: Path) -> None:
    """Copy what goes into the guest to ``folder``, for ``kept_artifact`` to read back; does nothing twice.

    The module's file with debug information, forty times as large, is linked where it can be: a build's runs share it.

    Raises ``InfraError`` where the folder holds another artifact: cases would run with that one.
    """
    if folder.exists():
        if _facts(folder).get("digest") != artifact.digest:
            raise InfraError(f"{folder} holds another module than this one", hint="choose another results folder")
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        draft = Path(work, "draft")
        (draft / "tools").mkdir(parents=True)
        for file in (artifact.path, *(path for _, path in artifact.tools)):
            if file:
                shutil.copy(file, draft / file.name if file == artifact.path else draft / "tools" / file.name)
        if artifact.path and (debug := debug_beside(artifact.path)).is_file():
            try:
                os.link(debug, draft / debug.name)
            except OSError:  # on another filesystem
                shutil.copy(debug, draft / debug.name)
        (draft / _FACTS).write_text(json.dumps({"digest": artifact.digest, "target": artifact.target}))
        with contextlib.suppress(OSError):  # another worker was faster
            draft.rename(folder)


def _facts(folder: Path) -> dict[str, str]:
    facts = json.loads((folder / _FACTS).read_text())
    if not isinstance(facts, dict):
        raise TypeError(f"{_FACTS} is no object")
    return facts


def kept_artifact(path: Path, target: Target, kernel: Kernel) -> ModuleArtifact:
    """Return the artifact in a folder of ``keep_artifact``, or a single module file; raise ``UsageError``."""
    if path.is_file():
        return ModuleArtifact(target=target.name, kernel=kernel.name, path=path, digest=file_digest(path))
    try:
        facts = _facts(path)
        tools = tuple((file.name, file) for file in sorted((path / "tools").iterdir()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is no folder that a run kept: {error}") from error
    module = path / f"{target.module}.ko"
    return ModuleArtifact(
        target=target.name,
        kernel=kernel.name,
        path=module if module.exists() else None,
        digest=facts["digest"],
        tools=tools,
    )
