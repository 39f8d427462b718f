"""``target.toml``: ten lines that describe a filesystem under test."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Literal

from vexlab.errors import UsageError
from vexlab.model.key import OWN
from vexlab.model.target import ON_FILE, BuildPlan, Configuration, FuzzPlan, Images, Target, Tool
from vexlab.tables import read_toml, suggest, visible
from vexlab.targets.configurations import ALL
from vexlab.targets.names import (
    CONFIGURATION,
    FILE_NAME,
    FSTYPE,
    FUNCTION,
    GUEST_FILE,
    LINE,
    MODULE,
    NAME,
    OPTION,
    PACKAGE,
    Rule,
    check_numbers,
    check_outputs,
    checker,
)
from vexlab.targets.refusals import check_words

FILE = "target.toml"
OLD_IMAGE = ".img.xz"
_SHIPPED = "examples"
_LARGEST_IMAGE = 256 << 20  # bytes as packed; it is unpacked in the guest, onto a disk whose end ends it
_MOST_HARMLESS, _LEAST_HARMLESS = 16, 8  # as many as fscrash takes; characters that say something
_GRAVE = ("BUG", "WARNING", "INFO:", "Oops", "KASAN", "UBSAN", "general protection", "Call Trace", "panic")


# What a file of statistics may tell of a mounted filesystem; all are numbers.
STATISTICS = ("blocks", "free_blocks", "inodes", "free_inodes", "directories", "mounts", "errors", "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEntry:
    """A ``[[tools]]`` table: ``make -C source args`` makes the programs ``outputs``, once ``prepare`` has been run."""

    source: str
    outputs: tuple[str, ...]
    args: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEntry:
    """A ``[configurations.NAME]`` table: another ``mkfs``, further mount ``options``, what is refused then besides."""

    mkfs: str = ""
    options: tuple[str, ...] = ()
    refuses: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzEntry:
    """The ``[fuzz]`` table: the ``header`` that defines the ioctls, ``descriptions`` of them for syzkaller."""

    header: str = ""
    descriptions: str = ""


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
    mkfs_sized: str = ""
    fsck: str = ""
    repair: str = ""
    fields: str = ""
    mount_options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tools: tuple[ToolEntry, ...] = ()
    min_disk: int = 64
    vectors: str = ""
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    statistics: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    harmless: tuple[str, ...] = ()
    old_images: tuple[str, ...] = ()
    configurations: dict[str, ConfigurationEntry] = field(default_factory=dict)
    fuzz: FuzzEntry | None = None
    images: Images = "untrusted"
    probes: dict[str, str] = field(default_factory=dict)
    uapi: tuple[str, ...] = ()
    mkfs_on: Literal["device", "file"] = "device"


def find_target(name: str, *, build_args: Sequence[str] = ()) -> Target:
    """Return the target ``name``: a ``target.toml``, a folder that holds one, or the name of a shipped example.

    ``build_args`` are added to the arguments of its build. Raises ``UsageError`` where it is missing or malformed.
    """
    try:
        target = _find_target(name)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise UsageError(f"no target `{visible(name)[:200]}`: {error.strerror}") from error
    check = checker("--build-arg")
    args = (*target.build.args, *(check(argument, LINE, "--build-arg") for argument in build_args))
    return dataclasses.replace(target, build=dataclasses.replace(target.build, args=args))


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
    raise UsageError(f"no target `{visible(name)}`", hint=hint)


def load_target(path: Path) -> Target:
    """Read a target's file; paths in it are relative to it. Raises ``UsageError``."""
    entry = read_toml(path, TargetFile)
    here = path.absolute().parent
    check = checker(path)
    check_numbers(entry.build.timeout, entry.min_disk, path)
    check_outputs((output for tool in entry.tools for output in tool.outputs), path)
    fstype = check(entry.fstype, FSTYPE, "fstype")
    return Target(
        name=check(entry.name, NAME, "name"),
        fstype=fstype,
        module=check(entry.module or fstype, MODULE, "module").replace("-", "_"),
        file=path.absolute(),
        source=_source(entry.source, here, path) if entry.source else None,
        build=_build(entry.build, path),
        depends=_each(entry.depends, MODULE, "depends", path),
        params=_each(entry.params, OPTION, "params", path),
        mkfs=_mkfs(entry.mkfs, entry.mkfs_on, path),
        mkfs_sized=_mkfs_sized(entry.mkfs_sized, path),
        fsck=_words(entry.fsck, path),
        repair=_words(entry.repair, path, "repair"),
        fields=_words(entry.fields, path),
        mount_options=_each(entry.mount_options, OPTION, "mount_options", path),
        packages=_each(entry.packages, PACKAGE, "packages", path),
        tools=tuple(_tool(tool, here, path) for tool in entry.tools),
        min_disk=entry.min_disk,
        vectors=check(entry.vectors, MODULE, "vectors") if entry.vectors else "",
        options=tuple(sorted(_options(entry.options, path).items())),
        statistics=tuple(sorted(_statistics(entry.statistics, path).items())),
        refuses=tuple(sorted(_refuses(entry.refuses, path).items())),
        harmless=_harmless(entry.harmless, path),
        old_images=tuple(_old_image(name, here, path) for name in entry.old_images),
        images=entry.images,
        probes=tuple(sorted(_probes(entry.probes, path).items())),
        uapi=tuple(_header(name, here, path) for name in entry.uapi),
        fuzz=_fuzz(entry, here, path),
        configurations=tuple(
            _configuration(name, each, entry.mkfs_on, path) for name, each in sorted(entry.configurations.items())
        ),
    )


def shipped_targets() -> tuple[str, ...]:
    """Return the names of the targets that come with vexlab."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _shipped()))


def _shipped() -> list[Path]:
    folder = resources.files("vexlab.targets") / _SHIPPED
    return [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]


def _each(values: Sequence[str], rule: Rule, key: str, path: Path) -> tuple[str, ...]:
    check = checker(path)
    return tuple(check(value, rule, key) for value in values)


def _options(entries: dict[str, tuple[str, ...]], path: Path) -> dict[str, tuple[str, ...]]:
    check = checker(path)
    return {
        check(name, OPTION, "options"): tuple(check(value, OPTION, name) if value else "" for value in values)
        for name, values in entries.items()
    }


def _refuses(entries: dict[str, str], path: Path) -> dict[str, str]:
    check = checker(path)
    # shaped as FSTYPE, for a check is named with its family before a dot
    checked = {check(name, FSTYPE, "refuses"): check(why, LINE, name) if why else "" for name, why in entries.items()}
    check_words(checked, path)
    return checked


def _harmless(entries: Sequence[str], path: Path) -> tuple[str, ...]:
    if len(entries) > _MOST_HARMLESS or any(len(words) < _LEAST_HARMLESS for words in entries):
        raise UsageError(
            f"{path}: `harmless` takes {_MOST_HARMLESS} parts of lines, of {_LEAST_HARMLESS} characters or more",
            hint="what is shorter would also hide what nobody has seen yet",
        )
    if grave := next((words for words in entries if any(word in words for word in _GRAVE)), ""):
        raise UsageError(f"{path}: `{grave}` in `harmless` is how the kernel begins a report, which is never harmless")
    return _each(entries, LINE, "harmless", path)


def _probes(entries: dict[str, str], path: Path) -> dict[str, str]:
    check = checker(path)
    return {check(name, MODULE, "probes"): check(function, FUNCTION, name) for name, function in entries.items()}


def _configuration(name: str, entry: ConfigurationEntry, mkfs_on: str, path: Path) -> Configuration:
    checker(path)(name, CONFIGURATION, "configurations")
    where = f"{path}: [configurations.{name}]"
    if name in (OWN, ALL):
        raise UsageError(f"{where} has a name that means another thing: the target's own, or all of them")
    if not entry.mkfs and not entry.options:
        raise UsageError(f"{where} changes nothing", hint="it takes `mkfs`, a command, and mount `options`")
    return Configuration(
        name=name,
        mkfs=_mkfs(entry.mkfs, mkfs_on, path),
        options=_each(entry.options, OPTION, "options", path),
        refuses=tuple(sorted(_refuses(entry.refuses, path).items())),
    )


def _statistics(entries: dict[str, str], path: Path) -> dict[str, str]:
    for name, file in entries.items():
        if name not in STATISTICS:
            raise UsageError(f"{path}: unknown key `{name}` in [statistics]", hint=suggest(name, STATISTICS))
        if not file.startswith(("/sys/", "/proc/")) or "{name}" not in file:
            raise UsageError(
                f"{path}: `{name}` in [statistics] names no file of a device",
                hint='such as "/sys/fs/x/{name}/blocks"',
            )
        checker(path)(file, GUEST_FILE, name)
    return entries


def _source(name: str, here: Path, path: Path) -> Path:
    """Return a folder of sources. What is copied from it must be what the file says, and never all of somebody's home.

    A path that leads elsewhere by its own words is what the file says; one that does by a symbolic link is not.
    """
    source = here / checker(path)(name, FILE_NAME, "source")
    if not source.is_dir():
        raise UsageError(f"{path}: the source folder {source} does not exist")
    real, home = source.resolve(), Path.home().resolve()
    if Path(os.path.normpath(source)).is_relative_to(here) and not real.is_relative_to(here.resolve()):
        raise UsageError(f"{path}: {name} is a link to {real}, outside {here}", hint="name that folder as `source`")
    if home.is_relative_to(real):
        raise UsageError(f"{path}: the source folder {real} holds your home folder", hint="name a folder in it")
    return source


def _fuzz(target: TargetFile, here: Path, path: Path) -> FuzzPlan | None:
    """Return what is fuzzed: the ioctls of ``header``, which is the first of ``uapi`` where it is not named."""
    entry = target.fuzz or FuzzEntry()
    header = entry.header or next(iter(target.uapi), "")
    if not header and not entry.descriptions:
        return None

    def file(name: str, key: str) -> Path | None:
        if not name:
            return None
        found = here / checker(path)(name, FILE_NAME, key)
        if not found.is_file():
            raise UsageError(f"{path}: {found}, `{key}` of [fuzz], does not exist")
        return found

    return FuzzPlan(header=file(header, "header"), descriptions=file(entry.descriptions, "descriptions"))


def _tool(entry: ToolEntry, here: Path, path: Path) -> Tool:
    args = _each(entry.args, LINE, "args", path)
    prepare = _commands(entry.prepare, path)
    return Tool(source=_source(entry.source, here, path), outputs=entry.outputs, args=args, prepare=prepare)


def manifest_of(image: Path) -> Path:
    """Return the manifest that belongs to an old image: ``v1.img.xz`` has ``v1.manifest``."""
    return image.with_name(image.name.removesuffix(OLD_IMAGE) + ".manifest")


def _old_image(name: str, here: Path, path: Path) -> Path:
    image = here / checker(path)(name, FILE_NAME, "old_images")
    if not name.endswith(OLD_IMAGE):
        raise UsageError(f"{path}: the name of the old image {name} does not end in {OLD_IMAGE}")
    for file in (image, manifest_of(image)):
        if not file.is_file():
            raise UsageError(f"{path}: {file} does not exist", hint="scripts/old-image makes both")
        if not file.resolve().is_relative_to(here.resolve()):
            raise UsageError(f"{path}: {file} lies outside {here}")
        if file.stat().st_size > _LARGEST_IMAGE:
            raise UsageError(f"{path}: {file} is larger than {_LARGEST_IMAGE >> 20} MiB")
    return image


def _header(name: str, here: Path, path: Path) -> Path:
    header = here / checker(path)(name, FILE_NAME, "uapi")
    if header.suffix != ".h" or not header.is_file():
        raise UsageError(f"{path}: the header {header} does not exist", hint="`uapi` names files, each a .h")
    if not header.resolve().is_relative_to(here.resolve()):
        raise UsageError(f"{path}: the header {header} lies outside {here}")
    return header


def _build(plan: BuildPlan, path: Path) -> BuildPlan:
    args = _each(plan.args, LINE, "build.args", path)
    return dataclasses.replace(plan, args=args, prepare=_commands(plan.prepare, path))


def _commands(commands: Sequence[str], path: Path) -> tuple[str, ...]:
    for command in commands:
        if not _words(command, path, "prepare"):
            raise UsageError(f"{path}: a command of `prepare` is empty")
    return tuple(commands)


def _mkfs(command: str, mkfs_on: str, path: Path) -> tuple[str, ...]:
    if command and "{device}" not in command:
        raise UsageError(f"{path}: `mkfs` must say where the device goes", hint='such as mkfs = "mkfs.x {device}"')
    words = _words(command, path)
    return (*ON_FILE, *words) if words and mkfs_on == "file" else words


def _mkfs_sized(command: str, path: Path) -> tuple[str, ...]:
    if command and not ("{device}" in command and "{kib}" in command):
        hint = 'such as mkfs_sized = "mkfs.x {device} {kib}K"'
        raise UsageError(f"{path}: `mkfs_sized` must say where device and size go", hint=hint)
    return _words(command, path, "mkfs_sized")


def _words(command: str, path: Path, key: str = "mkfs, fsck or fields") -> tuple[str, ...]:
    if command:
        checker(path)(command, LINE, key)
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"{path}: `{command}` is no command: {error}") from error
