"""Images of the user's as kernels of a run: names, what is taken out of them, their machines, what is told of them."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from vexlab.cache import Cache, Kind
from vexlab.config import settings_for, with_images
from vexlab.deadline import Deadline
from vexlab.errors import UsageError
from vexlab.guest.adopted import MEANINGS
from vexlab.images.builder import GUEST
from vexlab.kernels.catalogue import Kernels
from vexlab.kernels.headers import relocate
from vexlab.kernels.table import flavour_of
from vexlab.model.case import RunInfo
from vexlab.model.kernel import Kernel, System
from vexlab.model.machine import Accelerator, Disk, MachineSpec
from vexlab.model.provenance import Provenance, UsedImage, UsedKernel
from vexlab.model.request import Request, command_line
from vexlab.report.content import environment
from vexlab.vm import adopted, emulator
from vexlab.vm import record as records
from vexlab.vm.argv import MachineFiles, Start, qemu_argv
from vexlab.vm.named import NamedMachines
from vexlab.vm.record import OwnImage, Record

SYSTEM = System(
    name="deb",
    digest="ab" * 32,
    disks=(Disk(serial="disk", size=2048, backing=Path("/c/disk.qcow2")), Disk(serial="cidata", file=Path("/c/s"))),
    initrd=Path("/c/initrd.img"),
    append="root=UUID=1 nokaslr init=/vexlab/init",
    memory=512,
    newer_cpu=True,
)


def _kernel(folder: Path, release: str = "6.6.31-0-virt", system: System = SYSTEM) -> Kernel:
    modules = folder / "modules" / release
    modules.mkdir(parents=True, exist_ok=True)
    return Kernel(
        name="image:deb",
        release=release,
        version="1",
        image=folder / "vmlinuz",
        modules=modules,
        config=folder / "config",
        system=system,
    )


def test_images_become_kernels_of_a_run() -> None:
    request = with_images(Request(images=("deb", "my-kasan")))
    assert request.kernels == ("image:deb", "image:my-kasan")
    assert with_images(request) == request, "twice is once"
    assert {flavour_of(name) for name in request.kernels} == {"distro"}, "whatever the machine is called"


def test_an_image_has_its_own_kernel_and_no_flavour() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        with_images(Request(images=("deb",), kernels=("6.1",)))
    with pytest.raises(UsageError, match="not built in the flavour kasan"):
        settings_for(with_images(Request(images=("deb",), flavour="kasan")))


def test_the_words_that_ask_for_an_image() -> None:
    assert command_line(Request(images=("deb",))) == ["--image", "deb"]


def test_only_a_lab_knows_the_images(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="vexlab run --image"):
        Kernels(Cache(tmp_path)).get("image:deb")
    kernel = _kernel(tmp_path)
    assert Kernels(Cache(tmp_path), adopt=lambda name: {"deb": kernel}[name]).get("image:deb") is kernel


def test_headers_come_from_the_image_or_it_is_said_how_to_get_them(tmp_path: Path) -> None:
    kernel = _kernel(tmp_path)
    with pytest.raises(UsageError, match="no headers") as caught:
        Kernels(Cache(tmp_path)).headers(kernel)
    assert "vexlab vm start deb" in caught.value.hint
    (tmp_path / "build").mkdir()
    (kernel.modules / "build").symlink_to(tmp_path / "build")
    assert Kernels(Cache(tmp_path)).headers(kernel) == tmp_path / "build"


def test_debians_headers_are_usable_where_they_were_unpacked(tmp_path: Path) -> None:
    own = tmp_path / "usr/src/linux-headers-6.1.0-9-amd64"
    common = tmp_path / "usr/src/linux-headers-6.1.0-9-common"
    for folder in (own, common):
        folder.mkdir(parents=True)
    (own / "Makefile").write_text("include /usr/src/linux-headers-6.1.0-9-common/Makefile\n")
    (common / "Makefile").write_text("all:\n\t@echo made\n")
    relocate(tmp_path, Path("/usr/src/linux-headers-6.1.0-9-amd64"), tmp_path / "build")
    made = subprocess.run(["make", "-s", "-C", tmp_path / "build"], capture_output=True, check=True, text=True)
    assert made.stdout == "made\n"


def test_the_machine_boots_the_images_kernel_from_a_disk_that_is_only_read(tmp_path: Path) -> None:
    spec = adopted.spec_of(_kernel(tmp_path), SYSTEM, Path("/p.sqfs"), (Disk(serial="scratch", size=64),), "quiet")
    words = " ".join(qemu_argv(spec, MachineFiles(Path("/m")), Start(memory=Path("/m/memory"))))
    assert f"-kernel {tmp_path}/vmlinuz -initrd /c/initrd.img" in words
    assert "root=UUID=1" in words
    assert words.count("nokaslr") == 1, "asked for once"
    assert "bootindex" not in words
    assert "-cpu max" in words, "its programs may want a newer CPU"
    assert [disk.serial for disk in spec.disks] == ["disk", "cidata", "vexlab", "scratch"]
    assert "file.filename=/m/disk.qcow2" in words, "what is written goes to the machine's own folder"
    assert "restrict=on" in words


def test_a_kernels_file_says_its_release(tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(_image("6.6.31-0-virt"))
    assert adopted.release_of(tmp_path / "vmlinuz") == "6.6.31-0-virt"
    (tmp_path / "other").write_bytes(b"\x7fELF")
    assert adopted.release_of(tmp_path / "other") == ""


def _image(release: str) -> bytes:
    head = bytearray(0x400)
    head[0x202:0x206] = b"HdrS"
    head[0x20E:0x210] = (0x100).to_bytes(2, "little")
    words = f"{release} (builder) #1 SMP\0".encode()
    head[0x300 : 0x300 + len(words)] = words
    return bytes(head)


class _Inside(adopted.Inside):
    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def pull(self, script: str, *words: str) -> bytes:
        return self._files[words[0]]


def test_the_kernel_that_runs_is_taken_with_its_initial_ramdisk(tmp_path: Path) -> None:
    inside = _Inside({"/boot/vmlinuz-6.6.31-0-virt": _image("6.6.31-0-virt"), "/boot/initramfs-virt": b"rd"})
    told = {"kernel": ["/boot/vmlinuz-6.6.31-0-virt"], "initrd": ["/boot/initramfs-virt"]}
    adopted.take_kernel(inside, told, "6.6.31-0-virt", "alp", tmp_path)
    assert adopted.release_of(tmp_path / "vmlinuz") == "6.6.31-0-virt"
    assert (tmp_path / "initrd.img").read_bytes() == b"rd"
    del told["initrd"]
    adopted.take_kernel(inside, told, "6.6.31-0-virt", "alp", tmp_path)
    assert (tmp_path / "initrd.img").read_bytes().startswith(b"070701"), "an empty one, for a kernel without"


def test_another_kernel_than_the_one_that_runs_is_refused(tmp_path: Path) -> None:
    inside = _Inside({"/boot/vmlinuz": _image("6.6.32-0-virt")})
    with pytest.raises(UsageError, match="is in no file of its own") as caught:
        adopted.take_kernel(inside, {"kernel": ["/boot/vmlinuz"]}, "6.6.31-0-virt", "alp", tmp_path)
    assert "vexlab vm restart alp" in caught.value.hint
    with pytest.raises(UsageError, match="below /boot"):
        adopted.take_kernel(inside, {}, "6.6.31-0-virt", "alp", tmp_path)


def test_what_a_guest_packs_stays_in_its_folder(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, link in (
            ("usr/src/a", ""),
            ("../outside", ""),
            ("usr/lib/b", "/usr/src/a"),
            ("c", "../../etc/passwd"),
        ):
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            tar.addfile(member)
    adopted.unpack(packed.getvalue(), tmp_path / "t.tar", tmp_path / "into")
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir())
    assert found == ["into/usr/lib/b", "into/usr/src/a"]
    assert (tmp_path / "into/usr/lib/b").resolve() == tmp_path / "into/usr/src/a"


def _shelf(folder: Path, image: OwnImage | None) -> NamedMachines:
    shelf = NamedMachines(folder / "vm")
    files = shelf.files("deb")
    files.folder.mkdir(parents=True)
    spec = MachineSpec(kernel=folder / "k", initrd=folder / "i", append="", disks=(Disk(serial="system", size=64),))
    records.write(
        Record(name="deb", spec=spec, kernel="6.1", release="6.1.0", recipe="a.tar", image=image), files.folder
    )
    return shelf


def _place(folder: Path, shelf: NamedMachines) -> adopted.Place:
    (folder / "busybox").write_bytes(b"busybox")

    def never(*_: object) -> Path:
        raise AssertionError("nothing may be made or booted")

    return adopted.Place(
        shelf=shelf,
        cache=Cache(folder / "cache"),
        busybox=folder / "busybox",
        new_folder=lambda: folder,
        given=never,  # type: ignore[arg-type] # it is not asked
        accel=Accelerator.TCG,
        say=lambda _: None,
    )


def test_a_machine_of_vexlabs_own_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="vexlab's own image `a"):
        adopted.take("deb", _place(tmp_path, _shelf(tmp_path, None)))
    with pytest.raises(UsageError, match="no machine `other`"):
        adopted.take("other", _place(tmp_path, NamedMachines(tmp_path / "vm")))


def test_the_disk_of_a_running_machine_is_not_taken(tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, OwnImage(file=tmp_path / "a.tar", login="root", host_key=False))
    files = shelf.files("deb")
    argv = [sys.executable, "-c", "import time; time.sleep(60)", str(files.qmp)]
    with subprocess.Popen(argv) as running:
        try:
            files.pid.write_text(str(running.pid))
            assert any(emulator.running(files) for _ in Deadline.after(10).poll(0.01)), "it has begun"
            with pytest.raises(UsageError, match="`deb` runs") as caught:
                adopted.take("deb", _place(tmp_path, shelf))
        finally:
            running.kill()
    assert "vexlab vm stop deb" in caught.value.hint
    assert not list((tmp_path / "cache" / Kind.SYSTEMS).glob("*")), "nothing half-made is left"


def test_the_environment_names_the_image_and_what_it_lacks() -> None:
    image = UsedImage(name="deb", digest="ab" * 32, lacks=("the kernel's log",), supplied=("python3",))
    kernel = UsedKernel(name="image:deb", release="6.6", version="1", flavour="distro", accelerator="tcg", image=image)
    info = RunInfo(
        id="1",
        target="vexfs",
        kernels=("image:deb",),
        accelerator="tcg",
        started="2026-01-01",
        provenance=Provenance(kernels=(kernel,)),
    )
    (fact,) = [fact for fact in environment(info) if fact.name == "image deb"]
    assert "ab" * 32 in fact.value
    assert "no evidence by: the kernel's log" in fact.value
    assert "programs of vexlab's: python3" in fact.value


@pytest.mark.parametrize("name", ["init", "prepare.sh", "checks.sh"])
def test_the_scripts_are_for_a_plain_shell(name: str) -> None:
    subprocess.run(["sh", "-n", GUEST / "own" / name], check=True)


def test_every_word_of_the_checks_has_a_meaning() -> None:
    text = (GUEST / "own" / "checks.sh").read_text()
    # says sysrq 1 sysrq · [ -r /proc/slabinfo ] || echo slabinfo
    told = re.findall(r"^(?:says \S+ \S+|[^#].* \|\| echo) ([a-z-]+)$", text, re.MULTILINE)
    assert set(told) == set(MEANINGS)
