"""``vexlab init``: a target.toml for a filesystem that has none."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import click

from vexlab.cli.options import request_options, settings_from
from vexlab.errors import UsageError
from vexlab.lab import Lab, Order
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Profile, summary
from vexlab.probe import profile_of
from vexlab.probe.discover import FORCE, LOOK, Found, candidates, discover
from vexlab.targets.distribution import PROGRAMS, Programs
from vexlab.targets.draft import REVIEW, Draft, render
from vexlab.targets.load import FILE, load_target
from vexlab.targets.scan import Scan, scan

_ROOM = 2  # times the smallest device: cases need some room
_IOCTLS_MOST = 8


@click.command(name="init")
@click.argument("what", default=".", metavar="FOLDER|FSTYPE")
@request_options("kernels", "config", "accel", "memory", "cpus", "sandbox")
@click.option("--output", "-o", type=click.Path(path_type=Path), help=f"The file to write (default: FOLDER/{FILE}).")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--no-machine", is_flag=True, help="Only read the source: try no program, probe nothing.")
def command(*, what: str, output: Path | None, force: bool, no_machine: bool, **given: object) -> int:
    """Write a target.toml for an unknown filesystem: its source in FOLDER, or one that comes with the kernel.

    Reads the Makefile and the source, finds mkfs and fsck and tries them in a machine, probes what the filesystem
    refuses, and writes that into `[refuses]` for you to review. Then `vexlab run --target FOLDER` gives a verdict.
    Exit status: 0 it can be made and mounted, 1 it cannot, or does not build.
    """
    folder = Path(what)
    file = output or (folder / FILE if folder.is_dir() else Path(f"{what}.toml"))
    if file.exists() and not force:
        raise UsageError(f"{file} exists", hint="--force replaces it, -o names another")
    draft = _of_source(scan(folder), file) if folder.is_dir() else _of_kernel(what)
    if no_machine or not draft.mkfs:
        _write(draft, file)
        return 0 if no_machine else 1
    return _tried(draft, file, folder, given)


def _tried(draft: Draft, file: Path, folder: Path, given: dict[str, object]) -> int:
    settings = settings_from(**given)
    place = file.absolute().parent
    with Lab(settings, progress=_say) as lab, tempfile.TemporaryDirectory(dir=place, prefix=".init-") as work:
        lab.check_room()
        kernel = lab.kernels.get(settings.kernels[0])
        draft_file = Path(work, FILE)
        draft_file.write_text(render(_from_below(draft)))
        target = load_target(draft_file)
        artifact = lab.artifact(target, kernel)
        order = Order(target=target, kernel=kernel, artifact=artifact, memory=settings.memory, cpus=settings.cpus)
        found = discover(lab, order, *_candidates(draft), progress=_say)
        for words in found.words:
            _say(words)
        draft = _with(draft, found, kernel.name)
        if found.mounted:
            draft_file.write_text(render(_from_below(draft)))
            profile = profile_of(lab, load_target(draft_file), kernel, artifact, progress=_say)
            draft = with_profile(draft, profile)
            for line in summary(profile):
                _say(line)
    _write(draft, file)
    if not found.mounted:
        _say(f"{draft.fstype} could not be made and mounted; `mkfs` in {file} is for you to mend")
        return 1
    name = folder if folder.is_dir() else file
    click.echo(f"now: vexlab run --target {name} --level 1 --quick")
    return 0


def _say(words: str) -> None:
    click.echo(words, err=True)


def _write(draft: Draft, file: Path) -> None:
    file.write_text(render(draft))
    load_target(file)  # what is written can be read
    click.echo(f"{file} is written; read it before you trust it")


def _from_below(draft: Draft) -> Draft:
    """Return the draft as it reads from a folder beside the file."""
    tools = tuple((f"../{source}", outputs) for source, outputs in draft.tools)
    return replace(draft, source=f"../{draft.source}" if draft.source else "", tools=tools)


def _of_source(found: Scan, file: Path) -> Draft:
    here = file.absolute().parent
    fstype = found.fstypes[0]
    tools = tuple((_relative(folder, here), programs) for folder, programs in found.tools)
    programs = [name for _, each in found.tools for name in each]
    mkfs = next((name for name in programs if name.startswith("mkfs")), "")
    fsck = next((name for name in programs if name.startswith("fsck")), "")
    known = PROGRAMS.get(fstype, Programs())
    remarks = [f"written by `vexlab init` from {_relative(found.source, here)}; read it before you trust it"]
    if found.params:
        remarks.append(f'module parameters: {", ".join(found.params)}; `params = ["NAME=VALUE"]` sets them')
    if found.ioctls:
        more = " …" if len(found.ioctls) > _IOCTLS_MOST else ""
        remarks.append(f"ioctls: {', '.join(found.ioctls[:_IOCTLS_MOST])}{more}; no case of vexlab's knows them")
    if found.options:
        remarks.append(f"mount options: {', '.join(found.options)}; `[options]` lists their values")
    if len(found.fstypes) > 1:
        remarks.append(f"it also registers {', '.join(found.fstypes[1:])}")
    if not found.needs_device:
        remarks.append("it asks for no block device (no FS_REQUIRES_DEV), and vexlab tests those that do")
    return Draft(
        name=fstype,
        fstype=fstype,
        module=found.module,
        source=_relative(found.source, here),
        mkfs=f"{mkfs} {{device}}" if mkfs else known.mkfs,
        fsck=f"{fsck} {{device}}" if fsck else known.fsck,
        packages=() if mkfs else known.packages,
        tools=tools,
        remarks=tuple(remarks),
    )


def _of_kernel(fstype: str) -> Draft:
    known = PROGRAMS.get(fstype)
    if known is None:
        hint = f"known without source: {', '.join(PROGRAMS)}; else name the folder of its source"
        raise UsageError(f"{fstype} is no folder, and no filesystem whose programs are known", hint=hint)
    remarks = [f"written by `vexlab init`; {fstype} comes with the kernel"]
    if known.why:
        remarks.append(known.why)
    return Draft(
        name=fstype,
        fstype=fstype,
        module=known.module or fstype,
        mkfs=known.mkfs,
        fsck=known.fsck,
        packages=known.packages,
        min_disk=known.min_disk,
        harmless=known.harmless,
        refuses=known.refuses,
        remarks=tuple(remarks),
    )


def _candidates(draft: Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the command lines to try: as they are where options are known, else with each that is usual.

    What is usual may mean something else: -f has mkfs.exfat write over the whole device.
    """
    mkfs, fsck = draft.mkfs.split(), draft.fsck.split()
    known = PROGRAMS.get(draft.fstype, Programs())
    making = (draft.mkfs,) if len(mkfs) != 2 or draft.mkfs == known.mkfs else candidates(mkfs[0], FORCE)
    looking = (draft.fsck,) if len(fsck) != 2 or draft.fsck == known.fsck else candidates(fsck[0], LOOK)
    return making, looking if fsck else ()


def _with(draft: Draft, found: Found, kernel: str) -> Draft:
    seen = {}
    if found.mkfs:
        seen["mkfs"] = f"made twice on one disk{', and mounted,' if found.mounted else ''} on kernel {kernel}"
    if found.fsck:
        seen["fsck"] = "calls a new one sound"
    fsck = found.fsck if found.mounted else draft.fsck
    remarks = draft.remarks
    if draft.fsck and found.mounted and not found.fsck:
        remarks = (*remarks, f"no way was found to have {draft.fsck.split()[0]} check without writing: no fsck")
    return replace(draft, mkfs=found.mkfs or draft.mkfs, fsck=fsck, seen=seen, remarks=remarks)


def with_profile(draft: Draft, profile: Profile) -> Draft:
    """Return the draft with what the probe saw: what is refused, what is broken, how small a device may be."""
    refuses = dict(draft.refuses)
    for capability in profile.refused():
        for word in CAPABILITIES[capability.name].refuses or (capability.name,):
            why = capability.errno or capability.detail or "it has not got it"
            refuses.setdefault(word, f"{why} ({REVIEW})")
    broken = tuple(f"broken on {profile.kernel}: {each.name}: {each.detail}" for each in profile.broken())
    smallest = profile.get("smallest_device").limit
    room = max(16, smallest * _ROOM) if smallest else draft.min_disk
    seen = dict(draft.seen)
    if smallest:
        seen["min_disk"] = f"MiB; the smallest that was seen to work is {smallest}"
    return replace(draft, refuses=refuses, min_disk=room, remarks=(*draft.remarks, *broken), seen=seen)


def _relative(folder: Path, here: Path) -> str:
    resolved = folder.resolve()
    return str(resolved.relative_to(here.resolve())) if resolved.is_relative_to(here.resolve()) else str(resolved)
