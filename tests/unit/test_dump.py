"""A guest's memory is dumped with the kernel's description of itself, and drgn's words about it are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from vexlab import process
from vexlab.debug.postmortem import Subject, address_of_pointer, examine, kept_subject, post_mortem
from vexlab.errors import InfraError, MachineError, UsageError
from vexlab.observe.dump import description_in, take_dump
from vexlab.vm.machine import Machine

POINTER = 0xFFFFFFFF83A2B1F8
PAGE = b"OSRELEASE=6.1.0\nKERNELOFFSET=0\n".ljust(4096, b"\0")


class Qmp:
    """Answers as QEMU does; ``page`` is what the kernel's pointer leads to."""

    def __init__(self, page: bytes = PAGE, word: str = "0xffff888003ac1000") -> None:
        self.page = page
        self.word = word
        self.asked: list[str] = []

    def hmp(self, line: str) -> str:
        self.asked.append(line)
        return f"ffffffff83a2b1f8: {self.word}\r\n"

    def command(self, name: str, arguments: Mapping[str, Any], *, timeout: float = 0) -> None:
        self.asked.append(name)
        if name == "memsave":
            assert arguments["val"] == 0xFFFF888003AC1000 - (1 << 64)
            Path(arguments["filename"]).write_bytes(self.page)
        else:
            assert arguments["paging"] is False
            Path(arguments["protocol"].removeprefix("file:")).write_bytes(b"\x7fELF")


class _Spec:
    memory = 256


class FakeMachine:
    spec = _Spec()

    def __init__(self, qmp: Qmp) -> None:
        self.qmp = qmp


def _machine(qmp: Qmp) -> Machine:
    return cast("Machine", FakeMachine(qmp))


def test_a_dump_is_memory_and_the_kernels_description(tmp_path: Path) -> None:
    qmp = Qmp()
    dump = take_dump(_machine(qmp), POINTER, tmp_path)
    assert qmp.asked == [f"x /1gx {POINTER:#x}", "memsave", "dump-guest-memory"]
    assert dump.vmcoreinfo.read_text() == "OSRELEASE=6.1.0\nKERNELOFFSET=0\n"
    assert dump.memory.read_bytes() == b"\x7fELF"


@pytest.mark.parametrize("word", ["0x0000000000000000", "Cannot access memory"])
def test_a_kernel_that_has_not_described_itself_is_not_dumped(word: str, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="is not where vmcoreinfo_data"):
        take_dump(_machine(Qmp(word=word)), POINTER, tmp_path)


def test_a_description_that_is_something_else_is_refused() -> None:
    with pytest.raises(MachineError, match="is something else"):
        description_in(b"\xff" * 4096)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    vmlinux = tmp_path / "vmlinux"
    vmlinux.touch()
    return Subject(vmlinux=vmlinux, module=None, fstype="vexfs")


def _run(*, status: int = 0, text: str = "", error: str = "") -> Any:
    def run(argv: list[str], **_: object) -> process.Completed:
        if argv[0] == "nm":
            text_ = f"{POINTER:016x} d vmcoreinfo_data\nffffffff83a2b200 b vmcoreinfo_data_safecopy\n"
            return process.Completed(argv=tuple(argv), returncode=0, stdout=text_.encode(), stderr=b"")
        return process.Completed(argv=tuple(argv), returncode=status, stdout=text.encode(), stderr=error.encode())

    return run


def test_the_pointers_address_is_taken_from_the_symbols(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", _run())
    assert address_of_pointer(subject.vmlinux) == POINTER


@pytest.mark.parametrize("keep", [False, True])
def test_what_drgn_finds_is_returned_and_the_dump_kept_if_asked(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, keep: bool
) -> None:
    monkeypatch.setattr(process, "run", _run(text="found\n"))
    assert post_mortem(_machine(Qmp()), subject, tmp_path, keep=keep) == "found\n"
    assert (tmp_path / "memory.elf").exists() is keep
    if keep:
        assert kept_subject(tmp_path) == subject


def test_a_drgn_that_fails_is_a_sentence_and_no_error(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "run", _run(status=-11, error="segmentation fault"))
    text = post_mortem(_machine(Qmp()), subject, tmp_path, keep=False)
    assert text.startswith("drgn could not look at the machine's memory: drgn: segmentation fault")
    with pytest.raises(InfraError, match="segmentation fault"):
        examine(tmp_path / "m", tmp_path / "v", subject)


def test_no_dump_is_taken_where_the_disk_is_nearly_full(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vexlab.debug.postmortem.shutil.disk_usage", lambda _: type("D", (), {"free": 1 << 30})())
    qmp = Qmp()
    assert "only 1024 MiB of disk are free" in post_mortem(_machine(qmp), subject, tmp_path, keep=False)
    assert qmp.asked == []


def test_a_folder_without_memory_says_how_it_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no memory of a machine is kept") as raised:
        kept_subject(tmp_path)
    assert "keep_memory" in raised.value.hint


def test_symbols_that_are_gone_are_told(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", _run())
    post_mortem(_machine(Qmp()), subject, tmp_path, keep=True)
    subject.vmlinux.unlink()
    with pytest.raises(UsageError, match="symbols of that kernel are gone"):
        kept_subject(tmp_path)
