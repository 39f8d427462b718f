"""``target.toml``: ten lines that describe a filesystem under test."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from vexlab.config import read_toml, suggest
from vexlab.errors import UsageError
from vexlab.model.target import BuildPlan, Target, Tool
from vexlab.targets.refusals import check_words

FILE = "target.toml"
OLD_IMAGE = ".img.xz"
_SHIPPED = "examples"


# What a file of statistics may tell of a mounted filesystem; all are numbers.
STATISTICS = ("blocks", "free_blocks", "inodes", "free_inodes", "directories", "mounts", "errors", "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEntry:
    """A ``[[tools]]`` table: ``make -C source args`` makes the programs ``outputs``."""

    source: str
    outputs: tuple[str, ...]
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFile:
    """The keys of ``target.toml``, as they stand there. Commands are strings, split as a shell would."""

    name: str
    fstype: str
    module: str = ""
    source: str = ""
    build: BuildPlan = field(default_factory=BuildPlan)
    depends: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    mkfs: str = ""
    fsck: str = ""
    fields: str = ""
    mount_options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tools: tuple[ToolEntry, ...] = ()
    min_disk: int = 64
    vectors: str = ""
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    statistics: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    old_images: tuple[str, ...] = ()


def find_target(name: str, *, build_args: Sequence[str] = ()) -> Target:
    """Return the target ``name``: a ``target.toml``, a folder that holds one, or the name of a shipped example.

    ``build_args`` are added to the arguments of its build. Raises ``UsageError`` where it is missing or malformed.
    """
    target = _find_target(name)
    if not build_args:
        return target
    build = dataclasses.replace(target.build, args=(*target.build.args, *build_args))
    return dataclasses.replace(target, build=build)


def _find_target(name: str) -> Target:
    path = Path(name)
    if path.is_dir():
        path = path / FILE
    if path.is_file() or path.suffix == ".toml" or "/" in name:
        return load_target(path)
    in_tree = Path("targets", name, FILE)
    if in_tree.is_file():
        return load_target(in_tree)
    shipped = {entry.name.removesuffix(".toml"): Path(str(entry)) for entry in _shipped()}
    if name in shipped:
        return load_target(shipped[name])
    hint = f"give a folder with a {FILE}, or one of the shipped ones; {suggest(name, shipped)}"
    raise UsageError(f"no target `{name}`", hint=hint)


def load_target(path: Path) -> Target:
    """Read a target's file; paths in it are relative to it. Raises ``UsageError``."""
    entry = read_toml(path, TargetFile)
    here = path.absolute().parent
    check_words(entry.refuses, path)
    source = (here / entry.source) if entry.source else None
    if source is not None and not source.is_dir():
        raise UsageError(f"{path}: the source folder {source} does not exist")
    if entry.mkfs and "{device}" not in entry.mkfs:
        raise UsageError(f"{path}: `mkfs` must say where the device goes", hint='such as mkfs = "mkfs.x {device}"')
    return Target(
        name=entry.name,
        fstype=entry.fstype,
        module=(entry.module or entry.fstype).replace("-", "_"),
        file=path.absolute(),
        source=source,
        build=entry.build,
        depends=entry.depends,
        params=entry.params,
        mkfs=_words(entry.mkfs, path),
        fsck=_words(entry.fsck, path),
        fields=_words(entry.fields, path),
        mount_options=entry.mount_options,
        packages=entry.packages,
        tools=tuple(_tool(tool, here, path) for tool in entry.tools),
        min_disk=entry.min_disk,
        vectors=entry.vectors,
        options=tuple(sorted(entry.options.items())),
        statistics=tuple(sorted(_statistics(entry.statistics, path).items())),
        refuses=tuple(sorted(entry.refuses.items())),
        old_images=tuple(_old_image(name, here, path) for name in entry.old_images),
    )


def shipped_targets() -> tuple[str, ...]:
    """Return the names of the targets that come with vexlab."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _shipped()))


def _shipped() -> list[Path]:
    folder = resources.files("vexlab.targets") / _SHIPPED
    return [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _statistics(entries: dict[str, str], path: Path) -> dict[str, str]:
    for name, file in entries.items():
        if name not in STATISTICS:
            raise UsageError(f"{path}: unknown key `{name}` in [statistics]", hint=suggest(name, STATISTICS))
        if not file.startswith(("/sys/", "/proc/")) or "{name}" not in file:
            raise UsageError(
                f"{path}: `{name}` in [statistics] names no file of a device",
                hint='such as "/sys/fs/x/{name}/blocks"',
            )
    return entries


def _tool(entry: ToolEntry, here: Path, path: Path) -> Tool:
    source = here / entry.source
    if not source.is_dir():
        raise UsageError(f"{path}: the folder {source} of [[tools]] does not exist")
    return Tool(source=source, outputs=entry.outputs, args=entry.args)


def manifest_of(image: Path) -> Path:
    """Return the manifest that belongs to an old image: ``v1.img.xz`` has ``v1.manifest``."""
    return image.with_name(image.name.removesuffix(OLD_IMAGE) + ".manifest")


def _old_image(name: str, here: Path, path: Path) -> Path:
    image = here / name
    if not name.endswith(OLD_IMAGE):
        raise UsageError(f"{path}: the name of the old image {name} does not end in {OLD_IMAGE}")
    for file in (image, manifest_of(image)):
        if not file.is_file():
            raise UsageError(f"{path}: {file} does not exist", hint="scripts/old-image makes both")
    return image


def _words(command: str, path: Path) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"{path}: `{command}` is no command: {error}") from error
