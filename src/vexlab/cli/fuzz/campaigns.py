"""``vexlab fuzz ioctl|calls|image``: a campaign, begun or gone on with."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click

from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of
from vexlab.cli.values import duration
from vexlab.config import Settings, settings_for
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.campaign import Campaign, Plan, Rounds
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import FOLDER, Asked, Folder, State, campaign_name
from vexlab.fuzz.guest import order_for
from vexlab.fuzz.header import interface_of
from vexlab.fuzz.image import BASE, ImageRounds, Images
from vexlab.fuzz.layout import render_table
from vexlab.fuzz.programs import ProgramRounds
from vexlab.fuzz.regression import record, write_case
from vexlab.fuzz.syzguest import INSTRUMENT, has_kcov
from vexlab.fuzz.syzkaller import place_of as syzkaller_place
from vexlab.fuzz.syztries import MEMORY, Runner, SyzPrograms
from vexlab.fuzz.tries import Limits, Programs, Retry
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.request import Request
from vexlab.model.target import ModuleArtifact, Target
from vexlab.probe.kept import profile_of
from vexlab.report.terminal import printable
from vexlab.targets.load import find_target

_OPTIONS = (
    "target",
    "kernels",
    "flavour",
    "config",
    "accel",
    "memory",
    "cpus",
    "sandbox",
    "build_args",
    "seed",
    "probe",
)
_FOUND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What the options of a campaign's own amount to; times in seconds."""

    duration: float
    campaign: str | None
    results_dir: str | None
    blind: bool
    first: bool
    settle: float
    record: bool


def campaign_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options that all campaigns have."""
    for option in reversed(
        (
            request_options(*_OPTIONS),
            click.option(
                "--duration",
                type=duration,
                default="10m",
                show_default=True,
                help="How long calls are made, all starts of the campaign together.",
            ),
            click.option(
                "--campaign", metavar="NAME", help="The campaign's name, or a folder (default: after what it does)."
            ),
            click.option(
                "--results",
                "results_dir",
                metavar="DIR|URL",
                help="Results folder or database; campaigns lie in its folder `fuzz`.",
            ),
            click.option("--blind", is_flag=True, help="Do not use what is known of the layout: to compare with."),
            click.option("--first", is_flag=True, help="End with the first crash."),
            click.option(
                "--settle",
                type=duration,
                default="5m",
                show_default=True,
                help="The longest that making one crash small may take.",
            ),
            click.option(
                "--no-record",
                "record",
                is_flag=True,
                default=True,
                flag_value=False,
                help="Do not run each crash's case into the results.",
            ),
        )
    ):
        function = option(function)
    return function


@click.command()
@campaign_options
def ioctl(**given: object) -> int:
    """Try ioctls whose structures the header in target.toml (`uapi`, or `header` of `[fuzz]`) lays out.

    Exit status: 0 nothing was found, 1 something was, 2 wrong usage, 3 the lab failed.
    """
    return _campaign(Mode.IOCTL, given)


@click.command()
@campaign_options
def calls(**given: object) -> int:
    """Try sequences of file calls, and of ioctls where the target has a header, by several threads.

    Only what the filesystem can is asked of it, as `vexlab probe` found it. Exit status as for `ioctl`.
    """
    return _campaign(Mode.CALLS, given)


@click.command()
@campaign_options
def image(**given: object) -> int:
    """Mount damaged images: walked, changed, emptied and unmounted.

    Fields are damaged with their checksums made right where the target lists them (`fields` in target.toml), one or
    several at once, and bytes at random. Exit status as for `ioctl`.
    """
    return _campaign(Mode.IMAGE, given)


def _campaign(mode: Mode, given: Mapping[str, object]) -> int:
    signal.signal(signal.SIGTERM, interrupt)  # whoever gives it so much time, such as `vexlab campaign`, ends it so
    own = {name: given[name] for name in How.__slots__}
    how = How(**own)  # type: ignore[arg-type] # click gives what is declared
    request = request_of({name: value for name, value in given.items() if name not in own})
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    results, _ = place_of(how.results_dir, settings)
    asked = Asked(
        mode=mode,
        target=target.name,
        kernel=settings.kernels[0],
        build_args=request.build_args,
        blind=how.blind,
        seed=request.seed if request.seed is not None else 1,
    )
    folder = Folder(folder_of(how.campaign, results, asked))
    with closing(folder):
        state = folder.begin(asked)
        say(f"campaign {folder.name}: {folder.path}")
        found = _run(request, settings, target, how, folder, state, results)
    for crash in found:
        click.echo(printable(line_of(crash)))
    return _FOUND if found else 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C: exit status 130, and all that was found is kept."""
    raise KeyboardInterrupt


def folder_of(campaign: str | None, results: Path, asked: Asked) -> Path:
    """Return the folder of a campaign that is given by name or path, or called after what it does."""
    if campaign and "/" in campaign:
        return Path(campaign).absolute()
    return results / FOLDER / (campaign or campaign_name(asked))


def line_of(crash: Crash) -> str:
    """Return a crash in one line."""
    state = f"shown again {crash.verified} times" if crash.settled else "not tried again yet"
    return f"{crash.title}: after {crash.seconds:.0f} s and {crash.programs} programs, met {crash.count}x, {state}"


def say(words: str) -> None:
    """Say how it goes."""
    click.echo(printable(words), err=True)


def _run(
    request: Request, settings: Settings, target: Target, how: How, folder: Folder, state: State, results: Path
) -> tuple[Crash, ...]:
    with Lab(settings, progress=say) as lab:
        table = table_of(target, settings, needed=state.asked.mode is Mode.IOCTL)
        order, artifact = made_order(lab, settings, target, state.asked, probe=request.probe)

        def kept(crash: Crash, place: Path) -> None:
            case = write_case(place, crash, artifact, table)
            if crash.mode is Mode.IMAGE:
                shutil.copy2(folder.path / BASE, place / BASE)
            if not how.record:
                return
            try:
                status = record(case, state.asked, target.file, results, request.config)
            except InfraError as error:
                say(error.message)
                return
            say(f"recorded as a run: {'it failed there, too' if status else 'it passed there'}")

        with tools_of(lab, order, table, folder, state.asked) as (rounds, retry):
            campaign = Campaign(folder, state, rounds, retry, said=say, record=kept)
            campaign.run(Plan(duration_s=how.duration, limits=Limits(seconds=how.settle), first=how.first))
            return campaign.crashes


@contextmanager
def tools_of(lab: Lab, order: Order, table: str, folder: Folder, asked: Asked) -> Iterator[tuple[Rounds, Retry]]:
    """Give what fuzzes in the campaign's way, and what tries its crashes again."""
    if asked.mode is Mode.IMAGE:
        say("making, or unpacking, the campaign's image")
        images = Images(lab, order, folder.path)
        yield ImageRounds(images, stop=folder.stop_asked), images
        return
    with Programs(lab, order, table) as programs:
        yield ProgramRounds(lab, order, table, stop=folder.stop_asked), programs


@contextmanager
def retry_of(lab: Lab, order: Order, table: str, folder: Folder, asked: Asked) -> Iterator[Retry]:
    """Give what tries the crashes of a campaign again; of syzkaller's raise ``UsageError`` where none is named."""
    if asked.mode is Mode.SYZKALLER:
        with SyzPrograms(lab, order, Runner.of(syzkaller_place(lab.settings))) as programs:
            yield programs
        return
    with tools_of(lab, order, table, folder, asked) as (_, retry):
        yield retry


def made_order(
    lab: Lab, settings: Settings, target: Target, asked: Asked, *, probe: bool
) -> tuple[Order, ModuleArtifact]:
    """Return the machine of a campaign and the module built for it."""
    lab.check_room()
    kernel = lab.kernels.get(asked.kernel)
    target = covered(target, kernel)
    artifact = lab.artifact(target, kernel)
    if not target.mkfs:
        raise UsageError(f"{target.name} names no mkfs, so there is no filesystem to call")
    if asked.mode is Mode.SYZKALLER:
        order = machine_order(lab, settings, target, kernel, artifact)
        lab.snapshot(order)
        return order, artifact
    order = Order(target=target, kernel=kernel, artifact=artifact, memory=settings.memory, cpus=settings.cpus)
    if probe and asked.mode is not Mode.IOCTL:
        order = replace(order, profile=profile_of(lab, target, kernel, artifact, progress=say))
    order = order_for(lab, order)
    lab.snapshot(order)  # booting takes none of the campaign's time
    return order, artifact


def machine_order(lab: Lab, settings: Settings, target: Target, kernel: Kernel, artifact: ModuleArtifact) -> Order:
    """Return the machine in which syzkaller's programs are run on ``target``."""
    memory = max(settings.memory, MEMORY)
    order = Order(target=target, kernel=kernel, artifact=artifact, memory=memory, cpus=settings.cpus)
    return order_for(lab, order)


def covered(target: Target, kernel: Kernel) -> Target:
    """Return ``target`` built so that the kernel tells which of its code runs, where the kernel can."""
    if target.in_tree or not has_kcov(kernel):
        return target
    return replace(target, build=replace(target.build, args=(*target.build.args, INSTRUMENT)))


def table_of(target: Target, settings: Settings, *, needed: bool) -> str:
    """Return the interface as the guest reads it; empty where the target names no header and none is needed."""
    if not needed and (target.fuzz is None or target.fuzz.header is None):
        return ""
    return render_table(interface_of(target, settings.sandbox))
