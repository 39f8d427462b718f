"""Named probes are found among the functions that a kernel lists, and a name that is none gets a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vexlab.cli.main import cli
from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.trace.probes import BY_NAME, canonical, resolve
from vexlab.trace.program import Plan, program

TARGET = Target(name="vexfs", fstype="vexfs", module="vexfs", file=Path("t.toml"), probes=(("lookup", "vexfs_lookup"),))
SYMBOLS = {
    "vexfs": {"vexfs_fill_super", "vexfs_get_tree", "vexfs_write_iter", "vexfs_vec_search", "vexfs_lookup"},
    "": {"generic_file_read_iter", "generic_file_write_iter"},
    "jbd2": {"jbd2_journal_commit_transaction"},
}
POINTS = {point for each in BY_NAME.values() for point in each.tracepoints}


def test_all_probes_of_vexfs() -> None:
    probes, notes = resolve((), TARGET, SYMBOLS, POINTS)
    places = {probe.name: probe.place for probe in probes}
    assert places["lookup"] == "vexfs:vexfs_lookup"
    assert places["mount"] == "vexfs:vexfs_fill_super"
    assert places["read"] == "kernel:generic_file_read_iter"
    assert places["write"] == "vexfs:vexfs_write_iter"
    assert places["vector_search"] == "vexfs:vexfs_vec_search"
    assert places["journal_commit"] == "jbd2:jbd2_journal_commit_transaction"
    assert set(places) == {"lookup", *BY_NAME}
    assert not notes


def test_only_calls_of_this_filesystem_count_where_the_kernel_reads() -> None:
    probes, _ = resolve(("read", "write"), TARGET, SYMBOLS, POINTS)
    read, write = probes
    assert (read.filtered, write.filtered) == (True, False)
    text = program(Plan(probes=(read, write), text=(1000, 2000), f_op=40))
    assert text.count("kptr(arg0) + 40") == 1
    assert "$op >= 1000 && $op < 2000" in text


@pytest.mark.parametrize("name", ["mount", "vexfs_mount", "lookup", "vexfs_lookup", "vexfs:vexfs_iget"])
def test_a_name_with_the_modules_in_front_is_the_same(name: str) -> None:
    assert canonical(name, TARGET) == (name if ":" in name else name.removeprefix("vexfs_"))


@pytest.mark.parametrize("name", ["vexfs_mout", "mout"])
def test_a_wrong_name_gets_a_suggestion(name: str) -> None:
    with pytest.raises(UsageError, match=f"no probe `{name}`") as raised:
        canonical(name, TARGET)
    assert "did you mean `mount`?" in raised.value.hint


def test_a_function_of_the_kernels_image_is_asked_for_as_it_is_told() -> None:
    probes, _ = resolve(("kernel:generic_file_read_iter",), TARGET, SYMBOLS, POINTS)
    assert [probe.place for probe in probes] == ["kernel:generic_file_read_iter"]
    assert not probes[0].filtered, "all files of all filesystems count"
    with pytest.raises(UsageError, match="kernel has no function generic_file_red_iter"):
        resolve(("kernel:generic_file_red_iter",), TARGET, SYMBOLS, POINTS)


def test_a_function_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="vexfs has no function vexfs_loookup") as raised:
        resolve(("vexfs:vexfs_loookup",), TARGET, SYMBOLS, POINTS)
    assert "did you mean `vexfs_lookup`?" in raised.value.hint


def test_what_is_not_there_is_left_out_with_its_reason_unless_it_was_asked_for() -> None:
    probes, notes = resolve((), TARGET, SYMBOLS, POINTS - {"lock:contention_begin"})
    assert "lock_contention" not in {probe.name for probe in probes}
    assert notes == ("lock_contention: the kernel has no tracepoint lock:contention_begin",)
    with pytest.raises(UsageError, match="no tracepoint"):
        resolve(("lock_contention",), TARGET, SYMBOLS, POINTS - {"lock:contention_begin"})


def test_the_program_has_a_block_for_each_probe_and_clears_what_is_only_for_itself() -> None:
    probes, _ = resolve((), TARGET, SYMBOLS, POINTS)
    text = program(Plan(probes=probes, text=(0xFFFFFFFFC0000000, 0xFFFFFFFFC0010000), devices=(266338320,)))
    for probe in probes:
        assert f"// {probe.name}: {probe.place}\n" in text
    assert "kprobe:vexfs_fill_super" in text
    assert "kretprobe:vexfs_fill_super" in text
    assert text.count("{") == text.count("}")
    for name in ("t0", "kv", "kvfrom"):
        assert f"clear(@{name});" in text


def test_without_a_time_line_no_call_is_printed() -> None:
    probes, _ = resolve(("mount",), TARGET, SYMBOLS, POINTS)
    assert "printf" not in program(Plan(probes=probes, calls=0))
    assert "printf" in program(Plan(probes=probes, calls=1))


def test_the_list_of_probes_is_not_printed_beside_a_name_that_is_none() -> None:
    result = CliRunner().invoke(cli, ["trace", "--list", "--probe", "writ"])
    assert isinstance(result.exception, UsageError)
    assert "write" in result.exception.hint
