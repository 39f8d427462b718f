"""The guest image ``dev`` as a user works with it: a tree of the host, built, loaded and tested in the guest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machines.conftest import PLANTED, Vm
from vexlab.images.recipe import DEV, find_recipe
from vexlab.lab import Lab

# An image of 1 GB; compilers under emulation: minutes even on an idle host.
pytestmark = [pytest.mark.machine, pytest.mark.long]

ROOT = Path(__file__).parents[2]
_VEXFS = ROOT / "targets" / "vexfs"
_KERNEL = "6.1-amd64"  # 9p is not in the cloud kernels
_MAKEFILE = """\
hello: hello.c
\t$(CC) -Wall -o $@ $<
test: hello
\t./hello | grep -q from
"""
_HELLO = '#include <stdio.h>\n\nint main(void)\n{\n\tputs("from the host");\n\treturn 0;\n}\n'
_CARGO = '[package]\nname = "counter"\nversion = "0.1.0"\nedition = "2021"\n'
_RUST = """\
fn count(text: &str) -> usize {
    text.lines().count()
}

fn main() {
    println!("{}", count("one"));
}

#[test]
fn lines_are_counted() {
    assert_eq!(count("one\\ntwo"), 2);
}
"""
# What the documents of the old scripts have people type in a guest, beside the commands of the image.
_STARTS = """
set -e
strace -V; perf --version; trace-cmd list -t; valgrind --version; fio --version; stress-ng --version; htop --version
gcc --version; g++ --version; cc --version; make --version; bc --version; git --version; sparse --version
cargo --version; rustc --version; rustfmt --version; cargo clippy --version; pahole --version; pytest-3 --version
sudo id -u; free; vmstat; lsof -v; file -L /bin/sh; hexdump --help; rsync --version
for each in dmesg lsmod modinfo insmod rmmod losetup watch which iotop mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat; do
	command -v $each
done
gdb -batch -ex 'print "text"' -ex 'python print(6 * 7)' | grep -qx 42
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a source tree of the user's own: the planted module, a tool, a crate, tests in Python."""
    folder = tmp_path_factory.mktemp("own") / "tree"
    shutil.copytree(PLANTED / "source", folder / "source")
    shutil.copy(PLANTED / "target.toml", folder)
    for name, text in {
        "tools/Makefile": _MAKEFILE,
        "tools/hello.c": _HELLO,
        "counter/Cargo.toml": _CARGO,
        "counter/src/main.rs": _RUST,
        "tests/test_tree.py": "def test_it():\n    assert True\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def image(lab: Lab) -> None:
    """Build the image before a machine is started, which has less time than that may take."""
    lab.images.build(find_recipe(DEV), lab.kernels.get(_KERNEL))


@pytest.fixture(scope="module")
def guest(vm: Vm, tree: Path, image: None) -> Iterator[Callable[..., str]]:
    """Return a function that runs a shell's text in a machine with the tree; it asserts the exit status."""
    vm("start", "dev", "--image", "dev", "--kernel", _KERNEL, "--source", str(tree), "--wait", "500")

    def run(text: str, status: int = 0) -> str:
        done = vm("exec", "dev", "--timeout", "580", "--", "bash", "-c", f"exec 2>&1; {text}", status=None)
        said = done.stdout.decode(errors="replace")
        assert done.returncode == status, said[-4000:] + done.stderr.decode(errors="replace")
        return said

    yield run
    vm("rm", "--force", "dev")


def test_every_program_starts(guest: Callable[..., str]) -> None:
    guest(_STARTS)
    assert "dynamic executable" not in guest("ldd $(command -v gdb perf fio) | grep 'not found' || echo none")


def test_the_tree_is_the_hosts_and_cannot_be_written(guest: Callable[..., str], tree: Path) -> None:
    assert "Read-only file system" in guest("touch /mnt/vexfs-src/x", status=1)
    (tree / "note").write_text("one")
    assert guest("cat /mnt/vexfs-src/note") == "one"
    (tree / "note").write_text("other")
    assert guest("cat /mnt/vexfs-src/note") == "other"
    (tree / "note").unlink()
    assert "note" not in guest("ls /mnt/vexfs-src")


def test_a_module_of_ones_own_is_built_loaded_and_unloaded(guest: Callable[..., str], tree: Path) -> None:
    assert "run kbuild" in guest("kload", status=1)
    said = guest("kbuild && hello")
    assert "built /mnt/vexfs-build/source/planted.ko" in said
    assert said.endswith("from the host\n")
    assert "CC" not in guest("kbuild").replace("CC=", ""), "nothing changed, nothing is compiled"
    assert "planted" in guest("kload bug=none; cat /sys/module/planted/parameters/bug; lsmod")
    assert "loaded already" in guest("kload", status=1)
    for name in ("vexfs-monitor", "vexlab-monitor"):
        assert "module: planted " in guest(f"{name} -1")
    assert "unloaded planted" in guest("kunload")
    assert "there is no mkfs.planted" in guest("ktest")
    (tree / "tools" / "hello.c").write_text(_HELLO.replace("from the host", "from elsewhere"))
    assert guest("kbuild >/dev/null; hello") == "from elsewhere\n"
    (tree / "tools" / "hello.c").write_text(_HELLO)


def test_a_fault_of_the_kernel_fails_ktest(guest: Callable[..., str]) -> None:
    assert "failed  the kernel said: " in guest("kbuild >/dev/null; ktest bug=warn", status=1)
    assert guest("ktest").endswith("ok      unload planted\n"), "what an earlier one has seen does not count again"


def test_the_five_phases(guest: Callable[..., str], tree: Path) -> None:
    said = guest("vexfs-test-runner")
    assert [line for line in said.splitlines() if line.startswith("== Phase")] == [
        "== Phase 1: compilation",
        "== Phase 2: static analysis",
        "== Phase 3: unit tests",
        "== Phase 4: integration tests",
        "== Phase 5: performance tests",
    ]
    for words in ("Finished release", "0 warnings of gcc", "1 passed; 0 failed", "1 passed in", "all phases passed"):
        assert words in said
    source = tree / "counter" / "src" / "main.rs"
    source.write_text(_RUST.replace("text.lines().count()", "text.lines().count() * (text.len() == 0) as usize"))
    said = guest("kbuild >/dev/null; vexfs-test-runner.sh 2", status=1)
    assert "clippy::len-zero" in said
    assert "phase 2 FAILED" in said
    source.write_text(_RUST)
    assert "no phase 9" in guest("vexfs-test-runner 9", status=1)


def test_a_snapshot_is_refused_while_the_tree_is_mounted(guest: Callable[..., str], vm: Vm) -> None:
    refused = vm("snapshot", "dev", "clean", status=2).stderr
    assert b"while /mnt/vexfs-src is mounted" in refused
    assert b"umount /mnt/vexfs-src" in refused
    guest("umount /mnt/vexfs-src")
    vm("snapshot", "dev", "clean")
    guest("mount /mnt/vexfs-src && echo lost >/root/lost && ls /mnt/vexfs-src/target.toml")
    vm("restore", "dev", "clean")
    assert "target.toml" in guest("ls /mnt/vexfs-src"), "it is mounted again after a restore"
    assert guest("ls /root/lost 2>/dev/null || echo gone") == "gone\n"
    guest("kbuild")


def test_vexfs_itself(vm: Vm, image: None) -> None:
    """The reference target, to the searches: its module and tools are built in the guest."""
    vm("start", "ref", "--image", "dev", "--kernel", _KERNEL, "--source", str(_VEXFS), "--wait", "500")
    try:
        for _ in range(8):  # under emulation a file takes ten seconds; what is built stays
            done = vm("exec", "ref", "--timeout", "550", "--", "kbuild", status=None)
            if done.returncode != 124:
                break
        assert done.returncode == 0, done.stdout.decode()[-4000:]
        said = vm("exec", "ref", "--timeout", "550", "--", "vexfs-test-runner", "4", "5").stdout.decode()
        for words in ("ok      write, mount again, compare", "ok      check", "ok      vectors: nearest is 2", "IOPS="):
            assert words in said
    finally:
        vm("rm", "--force", "ref")
