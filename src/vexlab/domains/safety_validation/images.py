"""A small image that holds one of everything, and a plan of damage tried on it in one command."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vexlab.classify import headline
from vexlab.errors import GuestTimeout, MachineLost, TargetFailure
from vexlab.guest.damage import Damage, DamageResult, culprit, parse_damage_results, render_plan, told
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

FOLDER = "/mnt/images"
PRISTINE = f"{FOLDER}/pristine"
WORK = f"{FOLDER}/work"
_POINT = "/mnt/test"
LIMIT_S = 20  # for one damage, which takes a tenth of a second

_FILL = r"""
import ctypes, fcntl, json, os, stat, subprocess, sys
from capable import broken, can, entries, within
point, collection, frozen = sys.argv[1], sys.argv[2], sys.argv[3] == "frozen"
os.chdir(point)
LARGEST = within("file_size", 100000)
NAMES = entries(100, 250)

def tried(needs, call, *args):
    if broken(needs):
        return
    try:
        call(*args)
    except OSError as error:
        print("left out:", call.__name__, args[:2], error.strerror, file=sys.stderr)

def text(name, size):
    return (name.encode() * 4096)[:size]

def at(path):  # where there are no folders their names are the files' first ones
    return path if can("mkdir") else path.replace("/", ".")

def put(path, size, place=0):
    fd = os.open(at(path), os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, text(path + " ", min(size, LARGEST)), place)
    os.close(fd)

def named(number):
    long = f"large/{number:04}-{'a-long-name-' * 18}"
    if can("link"):
        os.link(at("small/short"), at(long)[:6 + within("name_max", 250)])
    else:
        put(long[:6 + within("name_max", 250)], 0)

for name in ("small", "nested", "nested/a", "nested/a/b", "large", "empty", "emptied") if can("mkdir") else ():
    os.mkdir(name)
put("small/short", 100)
put("small/direct", 40000)
put("indirect", 100000)
for place in (0, 4096 * 8 ** 4, 4096 * 8 ** 7):  # fsdamage reads at each of these, also where SEEK_DATA knows no holes
    tried("file_sparse", put, "sparse", 5000, place)
put("nested/a/b/deep", 3000)
if can("link"):
    os.link(at("small/direct"), at("nested/second-name"))
if can("symlink"):
    os.symlink("small/short", "symlink")
    os.symlink("x" * within("symlink_max", 200), "long-symlink")
tried("fifo", os.mkfifo, "fifo")
tried("device_node", os.mknod, "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
if can("link"):
    os.link(at("small/short"), at("large/first"))
else:
    put("large/first", 0)
for number in range(NAMES):
    named(number)  # six blocks of 4 KiB, where as many long names may be
if can("unlink"):
    os.unlink(at("large/first"))  # leaves unused room before the names
for number in range(5):
    put(f"emptied/{number}", 0)
for number in range(5) if can("unlink") else ():
    os.unlink(at(f"emptied/{number}"))
for path in ("small/short", "large" if can("mkdir") else "indirect"):
    tried("xattr", os.setxattr, at(path), "user.short", b"value")
    tried("xattr", os.setxattr, at(path), "user.a-longer-name", text("attribute ", within("xattr_value_max", 500)))
    tried("trusted_xattr", os.setxattr, at(path), "trusted.own", b"1")
if collection:
    subprocess.run(["vexctl", "create", "collection", "--dim", "5", "--meta-size", "16"], check=True)
    rows = "".join(" ".join(str((n * 7 + k) % 11) for k in range(5)) + " | tag%d\n" % n for n in range(60))
    subprocess.run(["vexctl", "add-many", "collection", "-"], input=rows.encode(), check=True, stdout=2)
put("orphan1", 30000); put("orphan2", 100); put("orphan3", 5000)
held = [os.open(f"orphan{n}", os.O_RDWR) for n in (1, 2, 3)]
for n in (1, 2, 3) if can("unlink", "unlink_open") else ():
    os.unlink(f"orphan{n}")
os.sync()
top = os.open(".", os.O_RDONLY)
copy = ["cp", "--sparse=always", sys.argv[4], sys.argv[5]]
if frozen and can("freeze"):
    fcntl.ioctl(top, 0xC0045877, 0)  # FIFREEZE: everything is in its place, the orphans are on their list
    subprocess.run(copy, check=True)
    fcntl.ioctl(top, 0xC0045878, 0)  # FITHAW
elif frozen:
    sys.exit()  # it is unmounted, so that everything is in its place, but no orphans are
else:
    put("nested/late", 5000)
    tried("rename", os.rename, at("small/short"), at("nested/moved"))
    tried("unlink", os.unlink, "fifo")
    os.sync()  # committed, but not yet in its place: the journal is not empty
    subprocess.run(copy, check=True)
"""

_MAKE = """
set -e
modprobe loop
mkdir -p {folder} {point} && mount -t tmpfs -o size=75% none {folder}
truncate -s {size}M {work}
{mkfs}
loop=$(losetup --find --show {work})
mount -t {fstype} {options} "$loop" {point}
python3 /tmp/fill.py {point} "{collection}" {how} {work} {pristine}
umount {point}
[ -e {pristine} ] || {{ sync; cp --sparse=always {work} {pristine}; }}
echo on >/proc/sys/kernel/printk_devkmsg
echo "$loop"
"""


def make_image(filesystem: GuestFilesystem, *, size: int, frozen: bool = True) -> str:
    """Make the image in the guest's memory, of ``size`` MiB; return the loop device over the copy to damage.

    ``frozen`` takes it while the filesystem is frozen: all is in its place, deleted files still open are on the list of
    orphans. Otherwise it is taken as a power cut would leave it, with work for the journal.
    """
    machine, target = filesystem.machine, filesystem.target
    machine.push(_FILL.encode(), "/tmp/fill.py")
    options = f"-o {','.join(target.mount_options)}" if target.mount_options else ""
    script = _MAKE.format(
        folder=FOLDER,
        point=_POINT,
        size=size,
        work=WORK,
        pristine=PRISTINE,
        mkfs=" ".join(word.replace("{device}", WORK) for word in target.mkfs),
        fstype=target.fstype,
        options=options,
        collection="yes" if target.vectors == "vexctl" else "",
        how="frozen" if frozen else "cut",
    )
    made = machine.shell(script, timeout=120)
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
