"""Several users of the module at once."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.needs(loadable=True),
    pytest.mark.slow,
]

_ROUNDS = 5

# Four shells load and unload as they like while a fifth reads the lists. Losing a race (the module is there already,
# gone already, or just going) is no failure; anything else is printed. busybox's rmmod asks the kernel and nothing
# else, where kmod's looks into sysfs first and stumbles over a module that goes away meanwhile.
_RACE = """
race() {
    for n in $(seq "$ROUNDS"); do
        out=$($LOAD 2>&1) || case $out in
            *"File exists"*|*"Device or resource busy"*) ;;
            *) echo "load: $out" ;;
        esac
        out=$(busybox rmmod "$NAME" 2>&1) || case $out in
            *"No such file"*|*"temporarily unavailable"*|*"busy"*) ;;
            *) echo "unload: $out" ;;
        esac
    done
}
for worker in 1 2 3 4; do race & done
for n in $(seq "$ROUNDS"); do cat /proc/modules /proc/filesystems >/dev/null; done
wait
exit 0
"""

_FILES = """
. /vexlab/lib/capable.sh
in=-; ! can mkdir || in=/
worker() {
    [ $in = - ] || mkdir "/mnt/test/w$1" || { echo "mkdir w$1 failed"; return; }
    for n in $(seq "$ROUNDS"); do
        echo "worker $1 round $n" >"/mnt/test/w$1${in}f$n" || echo "write $1/$n failed"
        [ "$(cat "/mnt/test/w$1${in}f$n")" = "worker $1 round $n" ] || echo "worker $1 read other data in round $n"
        busybox rmmod "$NAME" 2>/dev/null && echo "unloaded while mounted"
    done
}
for number in 1 2 3 4; do worker "$number" & done
wait
for number in 1 2 3 4; do
    count=$(ls -d "/mnt/test/w$number${in}"f* | wc -l)
    [ "$count" = "$ROUNDS" ] || echo "w$number holds $count files, not $ROUNDS"
done
exit 0
"""


def test_concurrent_load(module: GuestModule, target: Target) -> None:
    """Four shells that load and unload at once neither crash the kernel nor leave the module half there."""
    module.load_dependencies()
    load = f"modprobe {module.name}" if target.in_tree else f"insmod {module.path}"
    environment = {"LOAD": " ".join((load, *target.params)), "NAME": module.name, "ROUNDS": str(_ROUNDS)}
    result = module.machine.exec(["bash", "-c", _RACE], env=environment, timeout=120)
    assert result.ok, f"the race did not end well: {result}"
    assert not result.text, f"unexpected answers: {result.text[:500]}"
    if module.state():
        assert module.unload().ok
    loaded = module.load()
    assert loaded.ok, f"the module does not load after the race: {loaded}"
    assert target.fstype in module.filesystems()
    assert module.unload().ok


@pytest.mark.usefixtures("post_checks")
def test_concurrent_files(module: GuestModule, mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Four writers at once each find their own files again, and the module cannot be unloaded under them."""
    environment = {"NAME": module.name, "ROUNDS": str(_ROUNDS)}
    result = module.machine.exec(["bash", "-c", _FILES], env=environment, timeout=120)
    metrics.record("files_s", result.duration)
    assert result.ok, f"the writers did not end well: {result}"
    assert not result.text, f"the writers report: {result.text[:500]}"
    mounted.prove()
