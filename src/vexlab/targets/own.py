"""What a domain's settings say of the target: another source, a module that is built already."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from vexlab.cache import file_digest, key_of
from vexlab.config import DomainSettings
from vexlab.errors import UsageError
from vexlab.model.target import ModuleArtifact, Target


def own_target(target: Target, settings: DomainSettings, domain: str, *, given: bool = False) -> Target:
    """Return ``target`` as the cases of ``domain`` get it; raise ``UsageError`` where the settings cannot be followed.

    ``given`` tells that the whole run tests an artifact it was given: then nothing is built, no other module is taken.
    """
    where = f"[domains.{domain}] in the settings"
    if settings.module_name and settings.module_name != target.module:
        raise UsageError(
            f"{where} is about the module `{settings.module_name}`",
            hint=f"the module of target {target.name} is `{target.module}`",
        )
    source = Path(settings.build_path) if settings.build_path else target.source
    if settings.build_path and not given and not Path(settings.build_path).is_dir():
        raise UsageError(f"{where}: the source folder {settings.build_path} does not exist")
    if settings.module_path and not given:
        _check_module(Path(settings.module_path), target, source, where)
    return dataclasses.replace(target, source=source)


def with_module(tools: ModuleArtifact, module: Path) -> ModuleArtifact:
    """Return ``tools``, an artifact without a module, with the built ``module`` in it."""
    return dataclasses.replace(tools, path=module, digest=key_of(tools.digest, file_digest(module)))


def _check_module(module: Path, target: Target, source: Path | None, where: str) -> None:
    if source is None:
        raise UsageError(
            f"{where}: {target.name} comes with the kernel, whose own module would be loaded, not {module}",
            hint="name the folder of its source, too: build_path",
        )
    if not module.is_file():
        raise UsageError(f"{where}: the module {module} does not exist")
    if module.name != f"{target.module}.ko":
        raise UsageError(f"{where}: the module {module} must be called {target.module}.ko")
