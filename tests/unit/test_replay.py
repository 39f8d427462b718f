"""What is written down of a machine, and the scripts that do it again: steps, patterns, and what cannot be done."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from vexlab.cache import Kind
from vexlab.classify import classify
from vexlab.config import Settings, cache_dir
from vexlab.errors import InfraError, UsageError
from vexlab.images.builder import GUEST
from vexlab.model.machine import CommandResult, Disk, MachineSpec
from vexlab.model.replay import FILE, FOLDER, Act, Placed, Replay, Step
from vexlab.replay import make
from vexlab.replay.make import Found, found_in, readme
from vexlab.replay.script import (
    facts_text,
    function_pattern,
    headline_of,
    init_script,
    pattern_of,
    seconds_at_most,
    steps_text,
)
from vexlab.vm import transcript
from vexlab.vm.transcript import Transcript

CONSOLE = """\
[   12.345678] BUG: kernel NULL pointer dereference, address: 0000000000000010
[   12.345679] #PF: supervisor read access in kernel mode
[   12.345680] #PF: error_code(0x0000) - not-present page
[   12.345681] PGD 0 P4D 0
[   12.345682] Oops: 0000 [#1] PREEMPT SMP NOPTI
[   12.345683] CPU: 0 PID: 311 Comm: cat Tainted: G           OE      6.1.0-56-cloud-amd64 #1  Debian 6.1.192-2
[   12.345684] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014
[   12.345685] RIP: 0010:planted_dereference+0x5/0x20 [planted]
[   12.345686] Code: 1f 44 00 00 <8b> 04 25 10 00 00 00
[   12.345687] RSP: 0018:ffffc900001ebe50 EFLAGS: 00010246
[   12.345690] Call Trace:
[   12.345691]  <TASK>
[   12.345692]  planted_write+0x55/0x90 [planted]
[   12.345693]  vfs_write+0xb9/0x3e0
[   12.345694]  ksys_write+0x67/0xe0
[   12.345695]  do_syscall_64+0x55/0xb0
[   12.345696]  entry_SYSCALL_64_after_hwframe+0x6e/0xd8
[   12.345697]  </TASK>
[   12.345699] ---[ end trace 0000000000000000 ]---
"""
BUSYBOX = next(map(str, cache_dir(Settings()).glob(f"{Kind.ROOTS}/*/busybox")), shutil.which("busybox") or "")
(REPORT,) = classify(CONSOLE, target_modules=("planted",))
SPEC = MachineSpec(
    kernel=Path("/k/vmlinuz"),
    initrd=Path("/k/initrd"),
    append="console=ttyS0 panic=0",
    disks=(Disk(serial="root", file=Path("/k/root.sqfs"), readonly=True), Disk(serial="scratch", size=64)),
)


def _ended(argv: tuple[str, ...] = ("true",), status: int = 0) -> CommandResult:
    return CommandResult(argv=argv, status=status, signal=0, stdout=b"", stderr=b"", duration=0.1)


def _replay(*steps: Step, **more: object) -> Replay:
    fields: dict[str, object] = {"spec": SPEC, "module": "planted", "console": "console.log", "titles": (REPORT.title,)}
    return Replay(**{**fields, "steps": steps, **more})  # type: ignore[arg-type]


def test_commands_their_input_and_files_are_written_down() -> None:
    told = Transcript()
    with told.command(("cat", "-"), b"in", {"A": "b"}) as ended:
        assert ended(_ended(status=3)).status == 3
    told.put(b"file", "/tmp/f", 0o644)
    begun, over, put = told.steps
    assert (begun.act, begun.argv, begun.env, told.data[begun.data]) == (Act.BEGIN, ("cat", "-"), (("A", "b"),), b"in")
    assert (over.act, over.number, over.status) == (Act.END, begun.number, 3)
    assert (put.act, put.path, put.mode, told.data[put.data]) == (Act.PUT, "/tmp/f", 0o644, b"file")


def test_what_was_done_before_a_machine_was_saved_comes_first() -> None:
    before = Transcript()
    for words in (("mount",), ("insmod",)):
        with before.command(words) as ended:
            ended(_ended())
    told = Transcript()
    told.begin_with(before.steps)
    with told.command(("go",)) as ended:
        ended(_ended())
    begun = [step for step in told.steps if step.act is Act.BEGIN]
    assert [(step.number, step.argv) for step in begun] == [(1, ("mount",)), (2, ("insmod",)), (3, ("go",))]
    assert [step.at for step in told.steps[:4]] == [0.0] * 4


def test_a_command_that_never_ended_has_no_end() -> None:
    told = Transcript()
    with pytest.raises(RuntimeError), told.command(("hang",)):
        raise RuntimeError
    assert [each.act for each in told.steps] == [Act.BEGIN]


def test_questions_to_a_broken_kernel_are_left_out() -> None:
    told = Transcript()
    with told.paused():
        told.cannot("it was reset")
        told.put(b"", "/f", 0o644)
        with told.command(("dmesg",)) as ended:
            ended(_ended())
    assert (told.steps, told.why_not) == ([], "")


@pytest.mark.parametrize(
    ("name", "most", "said"),
    [("DATA_MOST", 3, "written into the guest"), ("_WORDS_MOST", 3, "of words"), ("_STEPS_MOST", 1, "1 commands")],
)
def test_what_is_too_much_is_not_kept(monkeypatch: pytest.MonkeyPatch, name: str, most: int, said: str) -> None:
    monkeypatch.setattr(transcript, name, most)
    told = Transcript()
    for _ in range(2):
        with told.command(("cat", "x" * 9), b"12345") as ended:
            ended(_ended())
        told.put(b"12345", "/f", 0o644)
    assert said in told.why_not
    assert not told.steps
    assert not told.data


BEGIN, END, PUT = Act.BEGIN, Act.END, Act.PUT


def test_steps_keep_their_order_their_pauses_and_what_ran_side_by_side() -> None:
    steps = (
        Step(act=BEGIN, number=1, at=0.0, argv=("insmod", "/vexlab/planted.ko")),
        Step(act=END, number=1, at=0.5, status=1),
        Step(act=PUT, number=2, at=0.5, data="d1", path="/tmp/it's", mode=0o755),
        Step(act=BEGIN, number=3, at=2.5, argv=("sh", "-c", "a\nb"), env=(("X", "1 2"),), data="d2"),
        Step(act=BEGIN, number=4, at=2.5, argv=("sync",)),
        Step(act=END, number=3, at=9.0),
        Step(act=END, number=4, at=9.1, status=137),
        Step(act=BEGIN, number=5, at=9.1, argv=("cat", "/proc/planted")),
    )
    before = (Step(act=BEGIN, number=1, at=0.0, argv=("modprobe", "-a", "x")), Step(act=END, number=1, at=0.0))
    head, *lines = steps_text(_replay(*steps, before=before, ended=10.0)).splitlines()
    assert head.startswith("environment='PATH=/vexlab/bin:")
    assert lines == [
        "step 1 0 /dev/null modprobe -a x",
        "step 1 1 /dev/null insmod /vexlab/planted.ko",
        "put d1 755 '/tmp/it'\"'\"'s'",
        "pause 2.0",
        "start 3 /vexlab/replay/files/d2 'X=1 2' sh -c 'a",
        "b'",
        "start 4 /dev/null sync",
        "finish 3 0",
        "finish 4 137",
        "start 5 /dev/null cat /proc/planted",
        "pause 5.0",
    ]


@pytest.mark.skipif(not BUSYBOX, reason="there is no busybox, neither installed nor of an image that was built")
def test_the_guests_script_does_the_steps(tmp_path: Path) -> None:
    """The functions of the guest's script, with a host's busybox: order, input, environment, statuses."""
    busybox = Path(shutil.copy(BUSYBOX, tmp_path / "busybox"))
    busybox.chmod(0o755)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "d").write_text("content\n")
    source = (Path(make.__file__).with_name("guest") / "replay").read_text()
    functions = source.partition("until $bb dmesg")[0]
    for old, new in (("here=/vexlab/replay", f"here={tmp_path}"), ("bb=/bin/busybox", f"bb={busybox}")):
        assert old in functions
        functions = functions.replace(old, new)
    log = tmp_path / "log"
    assert 'echo "replay: $*" >/dev/kmsg' in functions
    functions = functions.replace(">/dev/kmsg", f">>{log}")
    out = tmp_path / "out"
    steps = (
        Step(act=PUT, number=1, at=0, data="d", path=str(tmp_path / "put"), mode=0o600),
        Step(
            act=BEGIN,
            number=2,
            at=0,
            argv=("sh", "-c", f"cat >>{out}; echo $X $HOME >>{out}"),
            env=(("X", "1 2"),),
            data="d",
        ),
        Step(act=END, number=2, at=0),
        Step(act=BEGIN, number=3, at=0, argv=("sh", "-c", f"sleep 0.3; echo late >>{out}; exit 4")),
        Step(act=BEGIN, number=4, at=0, argv=("sh", "-c", f"echo early >>{out}")),
        Step(act=END, number=4, at=0),
        Step(act=END, number=3, at=0, status=5),
        Step(act=BEGIN, number=6, at=0, argv=("sh", "-c", "kill -9 $$")),
        Step(act=END, number=6, at=0, status=137),
    )
    text = steps_text(_replay(*steps)).replace("/vexlab/replay/files", str(tmp_path / "files"))
    text = text.replace("PATH=/vexlab/bin:/usr/sbin:/usr/bin:/usr/local/bin", "PATH=/usr/bin:/bin").replace(
        "pause 5.0", ""
    )
    (tmp_path / "steps").write_text(text)
    done = subprocess.run(
        [str(busybox), "sh", "-c", f"{functions}\n. {tmp_path}/steps"], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert out.read_text().splitlines() == ["content", "1 2 /root", "early", "late"]
    assert (tmp_path / "put").read_text() == "content\n"
    assert (tmp_path / "put").stat().st_mode & 0o777 == 0o600
    assert log.read_text() == "replay: command 3 ended with status 4, and with 5 when this was recorded\n"


@pytest.mark.parametrize(
    ("line", "other"),
    [
        (headline_of(REPORT), "[    3.100000] BUG: kernel NULL pointer dereference, address: 00000000000000ff"),
        ("[   1.0][  T12] kernel BUG at fs/ext4/a.c:12! [#1] (x|y)*", "kernel BUG at fs/ext4/a.c:99! [#2] (x|y)*"),
    ],
)
def test_a_line_is_found_again_whatever_its_numbers_are(line: str, other: str) -> None:
    def matches(words: str) -> bool:
        return subprocess.run(["grep", "-Eq", "-e", pattern_of(line)], input=words.encode(), timeout=10).returncode == 0

    assert matches(line)
    assert matches(other)
    assert not matches(other.replace("kernel", "kernels"))


def test_the_blamed_function_is_looked_for_where_the_report_names_it() -> None:
    assert function_pattern(REPORT) == "planted_dereference([^[:alnum:]_]|$)"
    assert function_pattern(dataclasses.replace(REPORT, text="nothing")) == ""


def test_the_facts_are_a_shell_script(tmp_path: Path) -> None:
    replay = _replay(ended=7.0)
    text = facts_text(replay, dataclasses.replace(REPORT, title="it's\n$(touch x) \x1b[2J"), SPEC)
    (tmp_path / "facts").write_text(text)
    script = '. ./facts; echo "$PROBLEM"; echo "$FOUND_ON $TAKES_AT_MOST"; QEMU=echo ACCEL=a CPU=b; qemu'
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=10, check=True)
    problem, limits, argv = done.stdout.splitlines()
    assert problem == r"it's $(touch x) \x1b[2J"
    assert limits == f"qemu64,+rdrand {seconds_at_most(replay)}"
    assert argv.startswith("-accel a -cpu b -nodefaults")
    assert "-append console=ttyS0 panic=0" in argv
    assert not (tmp_path / "x").exists()


def test_the_initramfs_begins_what_is_to_be_done() -> None:
    text = init_script((GUEST / "init").read_text())
    assert text.endswith("$bb cp -a /vexlab /newroot/\nexec $bb switch_root /newroot /vexlab/replay/init\n")
    with pytest.raises(InfraError, match="no line that a bundle knows"):
        init_script("#!/bin/sh\n")


def _kept(folder: Path, replay: Replay, console: str = CONSOLE) -> None:
    (folder / FILE).write_bytes(msgspec.json.encode([replay], enc_hook=str))
    (folder / "console.log").write_text(console)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    replay = _replay(Step(act=PUT, number=1, at=1.5, data="d", path="/f", mode=0o644))
    _kept(tmp_path, replay)
    found = found_in(tmp_path, REPORT.title)
    assert (found.replay, found.report.title) == (replay, REPORT.title)


@pytest.mark.parametrize(
    ("replay", "title", "said"),
    [
        (_replay(why_not="the machine was reset"), REPORT.title, "the machine was reset"),
        (_replay(), "hang in f", "by a question to the machine from outside"),
        (_replay(titles=("WARNING in f",)), "WARNING in f", "does not show it"),
        (None, REPORT.title, "no record of what was done"),
    ],
)
def test_what_cannot_be_done_again_is_said(tmp_path: Path, replay: Replay | None, title: str, said: str) -> None:
    if replay:
        _kept(tmp_path, replay)
    with pytest.raises(UsageError, match=said):
        found_in(tmp_path, title)


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """Return what a bundle is made of, with files that are none a machine could boot."""
    for name in ("vmlinuz", "initrd", "root.sqfs", "planted.ko"):
        (tmp_path / name).write_bytes(name.encode())
    evidence = tmp_path / "evidence"
    (evidence / FOLDER).mkdir(parents=True)
    (evidence / FOLDER / "d").write_text("content")
    spec = dataclasses.replace(
        SPEC,
        kernel=tmp_path / "vmlinuz",
        initrd=tmp_path / "initrd",
        disks=(Disk(serial="root", file=tmp_path / "root.sqfs", readonly=True),),
    )
    replay = dataclasses.replace(
        _replay(Step(act=PUT, number=1, at=0.1, data="d", path="/f", mode=0o644)),
        spec=spec,
        files=(Placed(path="/vexlab/planted.ko", source=str(tmp_path / "planted.ko"), mode=0o644),),
    )
    _kept(evidence, replay)
    return found_in(evidence, REPORT.title)


def _qemu(folder: Path, says: str) -> dict[str, str]:
    """Return the environment in which QEMU is a program that only prints."""
    (folder / "says").write_text(says)
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\ncat {folder}/says >console.log\n")
    program.chmod(0o755)
    return {"QEMU": str(program), "LIMIT": "5"}


BOOTED = "[    0.000000] Linux version 6.1.0\n"


@pytest.mark.parametrize(
    ("says", "status"),
    [(BOOTED + CONSOLE, 0), (BOOTED, 1), (BOOTED + CONSOLE.replace("planted_deref", "other_deref"), 1), ("", 2)],
)
def test_the_bundles_script_tells_by_its_status(found: Found, tmp_path: Path, says: str, status: int) -> None:
    folder = tmp_path / "a, b"
    folder.mkdir()
    make.fill(found, folder)
    done = subprocess.run(
        [str(folder / "run.sh")],
        env={"PATH": "/usr/bin:/bin", **_qemu(tmp_path, says)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == status, done.stderr
    assert ("REPRODUCED" in done.stdout) == (status == 0)


def test_a_bundle_that_shows_nothing_is_not_written(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _qemu(tmp_path, BOOTED).items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    with pytest.raises(UsageError, match="no bundle was written: it was run 2 times"):
        make.make(found, tmp_path / "bundle", "words", 2, said.append)
    assert said == ["run 1 of 2: the kernel does not report it", "run 2 of 2: the kernel does not report it"]
    assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".vexlab-bundle-*"))


def test_a_bundle_tells_how_often_it_showed_the_problem(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _qemu(tmp_path, BOOTED + CONSOLE).items():
        monkeypatch.setenv(name, value)
    proof = make.make(found, tmp_path / "bundle", "words", 1, lambda _: None)
    assert (proof.shown, proof.runs) == (1, 1)
    folder = tmp_path / "bundle"
    assert {each.name for each in folder.iterdir()} == {
        *("README", "bzImage", "console.log", "facts", "initrd.img", "planted.ko", "report.txt", "root.img", "run.sh")
    }
    assert "it was run once and showed the problem once" in (folder / "README").read_text()
    assert b"vexlab/replay/steps" in (folder / "initrd.img").read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        make.make(found, folder, "words", 1, lambda _: None)
    make.make(found, tmp_path / "one.tar.zst", "words", 1, lambda _: None)
    listed = subprocess.run(
        ["tar", "--zstd", "-tf", str(tmp_path / "one.tar.zst")], capture_output=True, text=True, timeout=30, check=True
    )
    assert "one/run.sh" in listed.stdout.split()
    assert readme(found, folder, proof).startswith(REPORT.title)


def test_a_file_that_is_gone_is_named(found: Found, tmp_path: Path) -> None:
    (tmp_path / "root.sqfs").unlink()
    with pytest.raises(UsageError, match=r"root\.sqfs, which the machine was made of, is gone"):
        make.make(found, tmp_path / "bundle", "words", 1, lambda _: None)
