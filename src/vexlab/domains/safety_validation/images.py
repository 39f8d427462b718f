"""A small image that holds one of everything, and a plan of damage tried on it in one command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vexlab.classify import headline
from vexlab.errors import GuestTimeout, MachineLost, TargetFailure
from vexlab.guest.damage import Damage, DamageResult, culprit, parse_damage_results, render_plan, told
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import put
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

FOLDER = "/mnt/images"
PRISTINE = f"{FOLDER}/pristine"
WORK = f"{FOLDER}/work"
_POINT = "/mnt/test"
LIMIT_S = 20  # for one damage, which takes a tenth of a second

_FILL = SCRIPTS / "fill_image.py"

_MAKE = SCRIPTS / "make_image.sh"


def make_image(filesystem: GuestFilesystem, *, size: int, frozen: bool = True) -> str:
    """Make the image in the guest's memory, of ``size`` MiB; return the loop device over the copy to damage.

    ``frozen`` takes it while the filesystem is frozen: all is in its place, deleted files still open are on the list of
    orphans. Otherwise it is taken as a power cut would leave it, with work for the journal.
    """
    machine, target = filesystem.machine, filesystem.target
    words = (str(size), WORK, PRISTINE, _POINT)
    how = ("yes" if target.vectors == "vexctl" else "", "frozen" if frozen else "cut")
    options = ("-o", ",".join(target.mount_options)) if target.mount_options else ()
    mkfs = " ".join(word.replace("{device}", WORK) for word in target.mkfs)
    argv = ["bash", put(machine, _MAKE, _FILL), *words, *how, target.fstype, *options]
    made = machine.exec(argv, env={"MKFS": mkfs}, timeout=120)
    if not made.ok:
        raise TargetFailure(f"the image cannot be made: {made}")
    return made.text.splitlines()[-1]


def plan_argv(target: Target, device: str, *, limit: int, options: tuple[str, ...] = ()) -> list[str]:
    """Return the command that tries the plan on its standard input; ``limit`` is in seconds for one damage."""
    argv = ["fsdamage", "--pristine", PRISTINE, "--work", WORK, "--device", device, "--point", _POINT]
    argv += ["--type", target.fstype, "--module", target.module, "--limit", str(limit)]
    if options := (*target.mount_options, *options):
        argv += ["--options", ",".join(options)]
    if target.vectors == "vexctl":
        argv += ["--use", _USE]
    return argv


def try_damages(
    filesystem: GuestFilesystem,
    device: str,
    damages: Sequence[Damage],
    metrics: Metrics,
    step: Callable[[str], None],
    *,
    timeout: float,
    options: tuple[str, ...] = (),
) -> tuple[DamageResult, ...]:
    """Try all ``damages``, each of which the kernel must stand; a crash, hang or splat is told with its damage.

    ``options`` are mount options beside the target's own.
    """
    machine, target = filesystem.machine, filesystem.target
    machine.push(render_plan(damages).encode(), "/tmp/plan", timeout=60)
    argv = plan_argv(target, device, limit=LIMIT_S, options=options)
    try:
        result = machine.exec(["bash", "-c", 'exec "$@" </tmp/plan', "sh", *argv], timeout=timeout)
    except (GuestTimeout, MachineLost):
        step(f"while trying {_culprit(filesystem)}")
        raise
    results, noise = parse_damage_results(result.text)
    tried = [each for each in results if each.number >= 0]
    metrics.record("damages_count", len(tried))
    metrics.record("refused_count", sum(bool(each.mount) for each in tried))
    metrics.record("noticed_count", sum(each.noticed for each in tried))
    metrics.record("damages_s", sum(each.ms for each in tried) / 1000)
    if headline(machine.console.text()):
        step(f"while trying {_culprit(filesystem)}")
    stuck = next((each for each in results if each.stuck), None)
    if stuck:
        step(f"while trying {stuck.name}: {stuck.step} {stuck.path}")
        words = f"`{stuck.step}` on the image with {stuck.name} did not end within {LIMIT_S} s"
        raise GuestTimeout(words, command=stuck.step, pid=stuck.stuck, seconds=LIMIT_S)
    if noise:
        raise TargetFailure(f"fsdamage printed what is no result: {noise[0]}")
    if wrong := told(damages, results):
        raise TargetFailure(wrong)
    if not result.ok:
        raise TargetFailure(f"fsdamage did not end well: {result}")
    if len(tried) != len(damages):
        raise TargetFailure(f"{len(tried)} of {len(damages)} damages were tried")
    return results


# What a collection of the image is good for: reading and searching it, wherever the damage leaves that possible.
_USE = (
    f"(cd {_POINT} && vexctl stats collection && vexctl search collection -k 5 1 2 3 4 5 && "
    "vexctl get collection 1 2 59 && vexctl dump collection && vexctl delete collection 3 && "
    "vexctl add collection 1 2 3 4 5) >/dev/null 2>&1"
)


def _culprit(filesystem: GuestFilesystem) -> str:
    console = filesystem.machine.console.text()
    return culprit(console, headline(console) or "")
