"""Scenario 4 in its order: registered, made on 200 MB, mounted, used for files and directories, unmounted."""

from __future__ import annotations

import pytest

from vexlab.config import Thresholds
from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(4),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_FILES = """
set -e; cd {0}; . /vexlab/lib/capable.sh
echo first >a; echo second >>a; [ "$(cat a)" = "first
second" ] || {{ echo "appending lost something"; exit 1; }}
cp a b && cmp a b
if can link; then ln a c && [ "$(stat -c %h a)" = 2 ]; else cp a c; fi
if can rename; then mv b d && [ ! -e b ]; else cp b d && rm b && [ ! -e b ]; fi
! can symlink || {{ ln -s a s && [ "$(cat s)" = "$(cat a)" ]; }}
! can chmod || {{ chmod 640 a && ! can link || [ "$(stat -c %a c)" = 640 ]; }}
size=$(within file_sparse 100000)
! can truncate_up || {{ truncate -s $size d && [ "$(stat -c %s d)" = $size ] &&
    [ "$(tail -c 10 d | tr -d '\\0' | wc -c)" = 0 ]; }}
head -c $(within file_size 3000000) /dev/urandom >big && cp big copy && sync && cmp big copy
can unlink || exit 0
! can symlink || rm s
rm a c d big copy; [ -z "$(ls | grep -v lost+found)" ] || {{ echo "left: $(ls)"; exit 1; }}
"""

_DIRECTORIES = """
set -e; cd {0}; . /vexlab/lib/capable.sh
mkdir -p p/q/r && ! can rmdir || rmdir p/q/r && [ "$(stat -c %h p)" != 0 ]
! can rmdir || {{ ! rmdir p 2>/dev/null || {{ echo "a directory with names in it was removed"; exit 1; }}; }}
names=$(within dir_entries 100)
mkdir many; for n in $(seq $names); do : >many/name-$n; done
[ "$(ls many | wc -l)" = $names ] || {{ echo "$names names made, $(ls many | wc -l) listed"; exit 1; }}
can unlink rmdir || exit 0
for n in $(seq 1 2 $names); do rm many/name-$n; done
[ "$(ls many | wc -l)" = $((names / 2)) ] || {{ echo "$((names / 2)) names left, $(ls many | wc -l) listed"; exit 1; }}
if can rename_directory; then mv many p/q/; else mkdir p/q/many && : >p/q/many/name-2 && rm -r many; fi
[ -e p/q/many/name-2 ] && rm -r p && [ ! -e p ]
"""


_OF_DIRECTORIES = pytest.param(_DIRECTORIES, id="directories", marks=pytest.mark.needs(capabilities="mkdir"))


@pytest.mark.quick
def test_filesystem_200mb(filesystem: GuestFilesystem, thresholds: Thresholds, metrics: Metrics) -> None:
    """It is registered, mkfs on 200 MB and mount take less than 10 s, and the mounted filesystem has that size."""
    types = GuestModule(filesystem.machine, filesystem.target).filesystems()
    assert filesystem.target.fstype in types, f"{filesystem.target.fstype} is not registered: {types}"
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = filesystem.mount(timeout=thresholds.hang_s)
    assert mounted.ok, f"mount failed: {mounted}"
    filesystem.prove()
    assert metrics.record("mount_s", mounted.duration) < 10
    counts = PostChecks(filesystem).counts()
    device = int(filesystem.machine.exec(["blockdev", "--getsize64", filesystem.device]).text)
    size = metrics.record("size_bytes", counts.blocks * counts.block_size, better="higher")
    assert device / 2 < size <= device, f"of {device} bytes the filesystem has {size}"
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"unmount failed: {unmounted}"
    assert metrics.record("unmount_s", unmounted.duration) < 10


@pytest.mark.quick
@pytest.mark.parametrize("operations", [pytest.param(_FILES, id="files"), _OF_DIRECTORIES])
@pytest.mark.usefixtures("post_checks")
def test_operations(mounted: GuestFilesystem, operations: str) -> None:
    """What the ordinary tools do with files and directories has the effect it must have."""
    result = mounted.machine.shell(
        "trap 'echo \"line $LINENO\"' ERR\n" + operations.format(mounted.mountpoint), timeout=60
    )
    assert result.ok, f"an operation had not its effect: {result.text} {result.error_text}"


@pytest.mark.needs(loadable=True)
def test_type_unregistered(mounted: GuestFilesystem, module: GuestModule, target: Target) -> None:
    """After unmount and unload the type is no longer registered, and a mount of it is refused."""
    assert mounted.unmount().ok
    unloaded = module.unload()
    assert unloaded.ok, f"the module does not unload: {unloaded}"
    assert target.fstype not in module.filesystems(), f"{target.fstype} is still registered"
