"""What lies around a trace: its image, its probes in target.toml, what a report offers, what a machine is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.doctor.trace import for_trace
from vexlab.errors import UsageError
from vexlab.images.recipe import find_recipe, joined
from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.machine import MachineSpec, Share
from vexlab.model.verdict import Verdict
from vexlab.report.content import errno_of
from vexlab.targets.load import load_target
from vexlab.trace.functions import _offsets, subprograms
from vexlab.trace.places import naming
from vexlab.vm.argv import MachineFiles, Start, qemu_argv

TARGET = 'name = "x"\nfstype = "x"\n'
# as readelf of binutils 2.40 prints it
LISTING = """
 <1><2f3a>: Abbrev Number: 41 (DW_TAG_subprogram)
    <2f3b>   DW_AT_name        : (strp) (offset: 0x271e): x_put_super
    <2f3f>   DW_AT_decl_line   : (data1) 38
 <1><3000>: Abbrev Number: 41 (DW_TAG_subprogram)
    <3001>   DW_AT_name        : (indirect string, offset: 0x1c2): x_mkdir
    <3005>   DW_AT_type        : (ref4) <0x57>, int
 <1><3010>: Abbrev Number: 9 (DW_TAG_variable)
    <3011>   DW_AT_name        : (strp) (offset: 0x1): x_count
"""
# as objdump of binutils 2.40 prints it
CODE = """
0000000000001560 <x_mkdir>:
    1560:\tendbr64
    1564:\tmov    $0xffffffef,%eax
    1569:\tret
    156a:\tmov    $0xffffffffffffffef,%rax
    1571:\tmov    $0xffffffe4,%eax
"""


def test_the_image_for_tracing_has_what_the_base_has() -> None:
    base, trace = find_recipe("base"), find_recipe("trace")
    assert set(base.packages) < set(trace.packages)
    assert {"bpftrace", "bpftool", "linux-perf", "libbpf-tools"} <= set(trace.packages)
    assert "bpftrace" not in base.packages


def test_joined_images_leave_out_only_what_both_leave_out() -> None:
    both = joined(find_recipe("base"), find_recipe("trace"))
    assert set(both.packages) == {*find_recipe("base").packages, *find_recipe("trace").packages}
    assert both.exclude == tuple(e for e in find_recipe("base").exclude if e in find_recipe("trace").exclude)


def test_the_workbench_has_its_commands() -> None:
    recipe = find_recipe("dev")
    commands = {Path(file.path).name for file in recipe.files if file.executable}
    names = {"kbuild", "kload", "kunload", "ktest", "vexfs-test", "vexfs-monitor", "vexlab-monitor"}
    others = {"vexfs-test-runner", "vexfs-test-runner.sh", "cc", "c++", "iotop"}
    assert commands == names | others
    assert all(Path(file.source).is_file() for file in recipe.files)
    assert {"gdb", "strace", "valgrind", "cargo", "rustc", "rustfmt", "rust-clippy"} <= set(recipe.packages)


def test_a_share_is_read_only_and_its_path_cannot_end_the_option() -> None:
    share = Share(tag="source", folder=Path("/src,readonly=off"), path="/mnt/src")
    spec = MachineSpec(kernel=Path("k"), initrd=Path("i"), append="", shares=(share,))
    argv = qemu_argv(spec, MachineFiles(Path("m")), Start(memory=Path("m/memory")))
    backend = argv[argv.index("-fsdev") + 1]
    assert "path=/src,,readonly=off," in backend
    assert backend.count(",readonly=on") == 1
    assert "virtio-9p-pci,fsdev=source,mount_tag=source" in argv
    plain = qemu_argv(replace(spec, shares=()), MachineFiles(Path("m")), Start(memory=Path("m/memory")))
    assert "-fsdev" not in plain


def test_probes_of_a_target(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(f'{TARGET}[probes]\nlookup = "x_lookup"\ncommit = "jbd2:jbd2_log_do_checkpoint"\n')
    assert load_target(file).probes == (("commit", "jbd2:jbd2_log_do_checkpoint"), ("lookup", "x_lookup"))


@pytest.mark.parametrize("function", ["x lookup", "x;y", "", "a:b:c", "{ system(1) }"])
def test_a_probe_is_a_function_and_nothing_else(tmp_path: Path, function: str) -> None:
    file = tmp_path / "target.toml"
    file.write_text(f'{TARGET}[probes]\nlookup = "{function}"\n')
    with pytest.raises(UsageError, match="`lookup` cannot be"):
        load_target(file)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("mkdir failed: File exists (EEXIST, exit status 1, mkdir /mnt/test/d)", "EEXIST"),
        ("open.direct: Invalid argument", "EINVAL"),
        ("first ENOENT, then ENOSPC", "ENOSPC"),
        ("the file is EMPTY", ""),
        ("ln: failed to create hard link 'b': Unknown error 524", "ENOTSUPP"),
        ("3 links, not 2", ""),
        ("", ""),
    ],
)
def test_the_error_that_a_case_ended_in(reason: str, name: str) -> None:
    key = CaseKey(domain="d", name="n", kernel="6.1")
    case = CaseResult(key=key, node="n", level=1, verdict=Verdict.FAILED, reason=reason)
    assert errno_of(case) == name
    assert errno_of(replace(case, verdict=Verdict.PASSED)) == ""


def test_functions_without_a_value_are_told_from_those_with_one() -> None:
    assert list(subprograms(LISTING)) == [("x_put_super", False), ("x_mkdir", True)]


def test_where_an_error_is_set() -> None:
    assert list(_offsets(CODE, 17)) == [4, 10]
    assert list(_offsets(CODE, 28)) == [17]
    assert list(_offsets("", 17)) == []


def test_the_lines_that_name_an_error_are_those_of_the_function(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(
        "int f(void)\n{\n\tif (a)\n\t\treturn -EEXIST;\n\treturn -EEXISTS;\n}\n\nint g(void)\n{\n\treturn -EEXIST;\n}\n"
    )
    assert naming("x.c:2", "EEXIST", tmp_path) == ["x.c:4"]
    assert naming("x.c:9", "EEXIST", tmp_path) == ["x.c:10"]
    assert naming("../x.c:2", "EEXIST", tmp_path) == []
    assert naming("", "EEXIST", tmp_path) == []


def test_the_doctor_says_what_tracing_lacks(tmp_path: Path) -> None:
    good, poor = tmp_path / "good", tmp_path / "poor"
    options = ("KPROBE_EVENTS", "KRETPROBES", "BPF_SYSCALL", "DEBUG_INFO_BTF", "FTRACE_SYSCALLS")
    good.write_text("".join(f"CONFIG_{name}=y\n" for name in options))
    poor.write_text("CONFIG_KPROBE_EVENTS=y\nCONFIG_KRETPROBES=y\nCONFIG_BPF_SYSCALL=y\n")
    installed = {"readelf": True, "addr2line": False, "objdump": True}
    checks = {each.name: each for each in for_trace(installed, {"a": good, "b": poor}, 4 << 30, "debian")}
    assert checks["readelf"].ok
    assert not checks["addr2line"].ok
    assert "binutils" in checks["addr2line"].fix
    assert checks["kernel a"].ok
    assert (checks["kernel b"].ok, checks["kernel b"].needed) == (False, False)
    assert "no DEBUG_INFO_BTF" in checks["kernel b"].detail
    assert checks["memory of a traced guest"].ok
