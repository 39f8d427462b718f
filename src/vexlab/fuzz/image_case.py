"""A damaged image kept as a case: what ``vexlab run`` tries again."""

from __future__ import annotations

from pathlib import Path

from vexlab.domains.safety_validation.images import plan_argv
from vexlab.errors import GuestTimeout, InfraError, TargetFailure
from vexlab.fuzz.folder import PROGRAM
from vexlab.fuzz.image import BASE, LIMIT_S, PLAN, unpack_image
from vexlab.guest.damage import parse_damage_results
from vexlab.guest.mount import GuestFilesystem


def replay(filesystem: GuestFilesystem, folder: Path, *, times: int) -> None:
    """Mount the image in ``folder`` with its damage; what the kernel says is found as in every case.

    Raises ``TargetFailure`` for what must never be, ``GuestTimeout`` for a hang. ``times`` does not matter.
    """
    del times
    machine = filesystem.machine
    device = unpack_image(machine, (folder / BASE).read_bytes())
    machine.push(folder / PROGRAM, PLAN)
    argv = plan_argv(filesystem.target, device, limit=LIMIT_S)
    result = machine.exec(["bash", "-c", 'exec "$@" <"$0"', PLAN, *argv], timeout=4.0 * LIMIT_S)
    results, _ = parse_damage_results(result.text)
    if not results:
        raise InfraError(f"fsdamage did nothing: {result}")
    for each in results:
        if each.stuck:
            words = f"`{each.step}` on the damaged image did not end within {LIMIT_S} s"
            raise GuestTimeout(words, command=each.step, pid=each.stuck, seconds=LIMIT_S)
        if each.wrong and each.number >= 0:
            raise TargetFailure(f"on a damaged image: {each.wrong}")
