"""``vexlab fuzz syzkaller``: the user's own syzkaller on the target, and its descriptions."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vexlab.cli.fuzz.campaigns import covered, folder_of, interrupt, line_of, machine_order, say
from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of as results_place
from vexlab.cli.values import duration
from vexlab.config import Settings, settings_for
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz import syzguest, syzseeds
from vexlab.fuzz import syzkaller as syz
from vexlab.fuzz.campaign import Campaign, Plan, RoundResult
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import Asked, Folder, Logged, State
from vexlab.fuzz.header import interface_of
from vexlab.fuzz.image import ImageGuest
from vexlab.fuzz.layout import Interface
from vexlab.fuzz.regression import record, write_syz_case
from vexlab.fuzz.syzgrammar import mistakes, parse, parse_constants
from vexlab.fuzz.syzguest import GuestFiles, has_kcov
from vexlab.fuzz.syzlang import constants, describe
from vexlab.fuzz.syzmanager import Figures, ManagerRounds
from vexlab.fuzz.syztries import Runner, SyzPrograms
from vexlab.fuzz.tries import Limits
from vexlab.kernels.flavours import boot_arguments, least_memory
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.machine import Accelerator
from vexlab.model.request import Request
from vexlab.model.target import ModuleArtifact, Target
from vexlab.model.verdict import Finding
from vexlab.report.terminal import printable
from vexlab.tables import read_text
from vexlab.targets.load import find_target
from vexlab.vm.network import free_port
from vexlab.vm.room import machines_at_once

_CONFIG = "manager.json"
_WORKDIR, _PLACE, _GUEST = "workdir", "syzkaller", "guest"
_ROOT = "root=/dev/sda1"  # of an image that syzkaller's tools/create-image.sh makes
# It scans all memory after each program once there is a corpus, which takes seconds under emulation.
_NO_LEAKS = "kmemleak=off"
_BASE = "base.img.gz"
_FOUND = 1
_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What the options of a campaign's own amount to; times in seconds."""

    seconds: float
    image: Path | None
    key: Path | None
    over: Path | None
    print_config: bool
    describe: Path | None
    results_dir: str | None
    campaign: str | None
    first: bool
    settle: float
    record: bool


@click.command()
@request_options("target", "kernels", "flavour", "config", "accel", "memory", "cpus", "sandbox", "build_args")
@click.option("--duration", "seconds", type=duration, default="24h", show_default=True, help="How long it is to run, "
              "all starts of the campaign together.")  # fmt: skip
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="A disk of yours with an ssh server and the module, instead of vexlab's own.")  # fmt: skip
@click.option("--ssh-key", "key", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="The private key that the image lets in.")  # fmt: skip
@click.option("--from", "over", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Keys of syz-manager's configuration (JSON) to lay over ours.")  # fmt: skip
@click.option("--print-config", is_flag=True, help="Print the configuration and run nothing.")
@click.option("--describe", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write the descriptions of the target's calls to DIR and run nothing.")  # fmt: skip
@click.option("--results", "results_dir", metavar="DIR", help="Results folder; campaigns lie in its folder `fuzz`.")
@click.option("--campaign", metavar="NAME", help="The campaign's name (default: after what it does).")
@click.option("--first", is_flag=True, help="End with the first crash.")
@click.option("--settle", type=duration, default="5m", show_default=True,
              help="The longest that making one crash small may take.")  # fmt: skip
@click.option("--no-record", "record", is_flag=True, default=True, flag_value=False,
              help="Do not run each crash's case into the results.")  # fmt: skip
def syzkaller(**given: object) -> int:
    """Fuzz with the syzkaller that VEXLAB_SYZKALLER, or `[fuzz] syzkaller` in the settings, names.

    Its qemu type runs our kernel, without KVM by emulation, with an image and a key that are made where none are
    given. Crashes get our titles, and are shown again in vexlab's machines. Exit status: 1 it has found crashes, 0
    none, 2 wrong usage, 3 it failed.
    """
    signal.signal(signal.SIGTERM, interrupt)
    own = {name: given[name] for name in How.__slots__}
    how = How(**own)  # type: ignore[arg-type] # click gives what is declared
    request = request_of({name: value for name, value in given.items() if name not in own})
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    interface = interface_of(target, settings.sandbox)
    if how.describe:
        return _describe(how.describe, interface, target)
    place = syz.place_of(settings)
    found = syz.examine(place, interface)
    if found.wrong and not how.print_config:
        raise UsageError(f"{place} cannot fuzz {target.name}: {found.wrong[0]}")
    asked = Asked(
        mode=Mode.SYZKALLER, target=target.name, kernel=settings.kernels[0], build_args=request.build_args
    )  # fmt: skip
    results, _ = results_place(how.results_dir, settings)
    folder = Folder(folder_of(how.campaign, results, asked))
    work = _Work(request=request, settings=settings, target=target, interface=interface, place=place, how=how)
    if how.print_config:
        _print(work, folder.path)
        for words in found.wrong:
            click.echo(printable(f"vexlab: {words}"), err=True)
        return 0
    with closing(folder):
        state = folder.begin(asked)
        say(f"campaign {folder.name}: {folder.path}")
        crashes = _run(work, folder, state, results)
    for crash in crashes:
        click.echo(printable(line_of(crash)))
    return _FOUND if crashes else 0


def _describe(folder: Path, interface: Interface, target: Target) -> int:
    header = target.fuzz.header if target.fuzz and target.fuzz.header else Path()
    try:
        shown = str(header.relative_to(target.file.parent))
    except ValueError:
        shown = header.name
    own = target.fuzz.descriptions if target.fuzz else None
    text = read_text(own) if own else describe(interface, target, shown)
    beside = own.with_name(f"{own.name}.const") if own else None
    known = read_text(beside) if beside and beside.is_file() else constants(text, interface)
    if wrong := mistakes(parse(text), parse_constants(known)):
        raise UsageError(f"{own or 'what was generated'}: {wrong[0]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{target.name}.txt").write_text(text)
        (folder / f"{target.name}.txt.const").write_text(known)
    except OSError as error:
        raise InfraError(f"{folder} cannot be written: {error}") from error
    click.echo(f"{folder / target.name}.txt and .txt.const: {len(interface.calls)} ioctls")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is fuzzed, by what, and how."""

    request: Request
    settings: Settings
    target: Target
    interface: Interface
    place: Path
    how: How

    def configuration(
        self, lab: Lab, kernel: Kernel, files: GuestFiles, place: Path, workdir: Path
    ) -> dict[str, object]:
        """Return syz-manager's configuration, with the user's keys over it."""
        memory = max(self.settings.memory, least_memory(kernel.flavour))
        own = _NO_LEAKS if files.initrd else _ROOT
        machines = syz.Machines(
            kernel=kernel.image,
            image=files.image.absolute(),
            key=files.key.absolute(),
            initrd=files.initrd,
            count=machines_at_once(memory),
            cpus=self.settings.cpus,
            memory=memory,
            append=f"{boot_arguments(kernel.flavour)} {own}",
        )
        made = syz.configuration(
            place, workdir, machines, syzseeds.names(self.target, self.interface), port=free_port(),
            kvm=lab.accelerator(kernel) is Accelerator.KVM, cover=has_kcov(kernel),
        )  # fmt: skip
        return syz.laid_over(made, self.how.over) if self.how.over else made

    def given_files(self) -> GuestFiles | None:
        """Return the user's image and key; raise ``UsageError`` where one is given without the other."""
        image, key = self.how.image, self.how.key
        if (image is None) != (key is None):
            raise UsageError("--image and --ssh-key belong together", hint="without both vexlab makes them")
        return GuestFiles(image=image, key=key) if image and key else None


def _print(work: _Work, folder: Path) -> None:
    with Lab(work.settings) as lab:
        kernel = lab.kernels.get(work.settings.kernels[0])
        files = work.given_files() or syzguest.places(lab, folder / _GUEST)
        made = work.configuration(lab, kernel, files, folder / _PLACE, folder / _WORKDIR)
    click.echo(json.dumps(made, indent=2))


def _run(work: _Work, folder: Folder, state: State, results: Path) -> tuple[Crash, ...]:
    how, runner = work.how, Runner.of(work.place)
    with Lab(work.settings, progress=say) as lab:
        kernel = lab.kernels.get(state.asked.kernel)
        target = covered(work.target, kernel)
        artifact = lab.artifact(target, kernel)
        order = machine_order(lab, work.settings, target, kernel, artifact)
        config = _prepared(work, lab, folder, kernel, target, artifact)

        def kept(crash: Crash, place: Path) -> None:
            case = write_syz_case(place, crash, runner)
            if not how.record:
                return
            try:
                status = record(case, state.asked, work.target.file, results, work.request.config)
            except InfraError as error:
                say(error.message)
                return
            say(f"recorded as a run: {'it failed there, too' if status else 'it passed there'}")

        made = json.loads(config.read_text())
        say(f"syz-manager's own page: http://{made['http']}")
        rounds = ManagerRounds(
            argv=syz.manager_argv(work.place, config),
            folder=folder.path,
            workdir=folder.path / _WORKDIR,
            module=target.module,
            stop=folder.stop_asked,
            first=how.first,
            covered=bool(made["cover"]),
            heard=_Heard(folder),
        )

        def done(state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
            did = rounds(state, corpus, seconds, keep)
            if did.met:
                lab.snapshot(order)  # booting takes none of the time that a crash has to be made small
            return did

        with SyzPrograms(lab, order, runner) as retry:
            campaign = Campaign(folder, state, done, retry, said=say, record=kept)
            campaign.run(Plan(duration_s=how.seconds, limits=Limits(seconds=how.settle), first=how.first))
            return campaign.crashes


def _prepared(work: _Work, lab: Lab, folder: Folder, kernel: Kernel, target: Target, artifact: ModuleArtifact) -> Path:
    """Write all that syz-manager is given into the campaign's folder; return its configuration's file."""
    place, workdir = folder.path / _PLACE, folder.path / _WORKDIR
    workdir.mkdir(exist_ok=True)
    seeds, base = place / syz.SEEDS, folder.path / _BASE
    if not base.is_file():
        say("making an image of the filesystem to begin with")
        with ImageGuest(lab, machine_order(lab, work.settings, target, kernel, artifact)) as guest:
            base.write_bytes(gzip.compress(guest.make().image))
    image = gzip.decompress(base.read_bytes())
    seeds.mkdir(parents=True, exist_ok=True)
    for name, text in syzseeds.seeds(target, work.interface, image).items():
        (seeds / name).write_text(text)
    files = work.given_files()
    if files is None:
        say("making the guests' image and key")
        files = syzguest.prepare(lab, kernel, target, artifact, image, folder.path / _GUEST)
    link = place / "bin"
    link.unlink(missing_ok=True)
    link.symlink_to(work.place / "bin")
    config = folder.path / _CONFIG
    config.write_text(json.dumps(work.configuration(lab, kernel, files, place, workdir), indent=2))
    return config


@dataclass(slots=True)
class _Heard:
    """Keeps every minute how far syz-manager has come: it survives whoever is killed, and `fuzz status` tells it."""

    folder: Folder
    told: float = 0.0

    def __call__(self, state: State, figures: Figures, spent: float) -> None:
        """Take what syz-manager said last, ``spent`` seconds into the round that began at ``state``."""
        if spent < self.told:  # another round
            self.told = 0.0
        if spent - self.told < _EVERY_S:
            return
        self.told = spent
        cover = figures.cover or None
        now = replace(
            state,
            seconds=round(state.seconds + spent, 1),
            guest_seconds=round(state.guest_seconds + spent, 1),
            programs=state.programs + figures.programs,
            signatures=figures.corpus,
            cover=cover,
        )
        self.folder.save(now)
        self.folder.log(
            Logged(at=now.seconds, programs=figures.programs, calls=0, guest_seconds=round(spent, 1),
                   signatures=figures.corpus, cover=cover)
        )  # fmt: skip
        places = f", {cover} places of the module" if cover else ""
        say(f"{now.seconds:.0f} s: {figures.programs} programs ({figures.programs / spent:.1f} a second), "
            f"{figures.corpus} in the corpus{places}")  # fmt: skip
