"""What bpftrace prints becomes figures, stacks and a time line; pictures and files hold the same numbers."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vexlab.errors import UsageError
from vexlab.model.report import Frame
from vexlab.model.trace import Bucket, ProbeFigures, StackSum, Trace, percentile_of
from vexlab.trace import parse
from vexlab.trace.chrome import chrome_trace
from vexlab.trace.files import read_trace, write_trace
from vexlab.trace.flame import flame_svg, speedscope
from vexlab.trace.probes import Probe
from vexlab.trace.symbols import module_text, parse_kallsyms
from vexlab.trace.together import together
from vexlab.trace.words import compare_lines, lines_of, quantity

KALLSYMS = (
    "ffffffffc0a31000 t vexfs_open\t[vexfs]\nffffffffc0a31100 t vexfs_write_iter\t[vexfs]\n"
    "ffffffff811f0000 T generic_file_read_iter\n"
)
MODULES = "jbd2 180224 1 vexfs, Live 0xffffffffc0900000\nvexfs 217088 1 - Live 0xffffffffc0a31000 (OE)\n"
PROBES = (Probe(name="write", function="vexfs_write_iter", module="vexfs"), Probe(name="memory_alloc", kind="memory"))
STACK = (
    "\n\tffffffff812a0000 kmalloc_trace+42\n\tffffffffc0a31010 vexfs_open+16\n\tffffffff81300000 do_dentry_open+300\n"
)
# as bpftrace 0.17 prints it with -f json
PRINTED = "\n".join(
    [
        '{"type": "attached_probes", "data": {"probes": 12}}',
        json.dumps({"type": "printf", "data": "C|0|412|1000|500|0|fio\n"}),
        json.dumps({"type": "printf", "data": "C|0|412|3000|700|0|a|b\n"}),
        json.dumps({"type": "map", "data": {"@n": {"0": 3, "1": 2}}}),
        json.dumps({"type": "stats", "data": {"@s": {"0": {"count": 2, "average": 600, "total": 1200}}}}),
        json.dumps(
            {
                "type": "hist",
                "data": {"@h": {"0": [{"min": 256, "max": 511, "count": 1}, {"min": 512, "max": 1023, "count": 1}]}},
            }
        ),
        json.dumps({"type": "map", "data": {"@calls": 5}}),
        json.dumps({"type": "map", "data": {"@bytes": {"1": 32, "2": 32}}}),
        json.dumps({"type": "map", "data": {"@from": {"1": STACK, "2": STACK}}}),
        json.dumps({"type": "map", "data": {"@oncpu": {f"{STACK},dd": 7}}}),
        json.dumps({"type": "lost_events", "data": {"events": 4}}),
        "Lost something",
    ]
)


def _trace(**more: object) -> Trace:
    printed = parse.parse_output(PRINTED)
    text = module_text("vexfs", KALLSYMS, MODULES)
    calls, left_out = parse.calls(printed, PROBES)
    made: dict[str, object] = {
        "target": "vexfs",
        "module": "vexfs",
        "kernel": "6.1",
        "what": "<b>fio</b>",
        "seconds": 2.0,
        "probes": parse.figures(printed, PROBES, {"write": 900}),
        "outstanding": parse.outstanding(printed, text),
        "on_cpu": parse.samples(printed, text),
        "calls": calls,
        "left_out": left_out,
        **more,
    }
    return Trace(**made)  # type: ignore[arg-type] # a table of what is given


def test_figures() -> None:
    write, memory = _trace().probes
    assert (write.calls, write.missed, write.total, write.mean) == (3, 1, 1200, 600)
    assert write.buckets == (Bucket(low=256, high=512, count=1), Bucket(low=512, high=1024, count=1))
    assert write.percentile(50) == 512
    assert write.percentile(100) == 1024
    assert (memory.calls, memory.unit) == (2, "bytes")


def test_the_time_line_counts_what_it_has_no_room_for() -> None:
    trace = _trace()
    assert [(call.thread, call.start, call.duration, call.command) for call in trace.calls] == [
        (412, 1000, 500, "fio"),
        (412, 3000, 700, "a|b"),
    ]
    assert trace.left_out == 3


def test_what_is_outstanding_is_summed_by_stack() -> None:
    (leak,) = _trace().outstanding
    assert (leak.count, leak.total) == (2, 64)
    assert leak.of_module("vexfs") == Frame(function="vexfs_open", offset=16, module="vexfs")


def test_what_is_not_understood_is_counted() -> None:
    printed = parse.parse_output(PRINTED)
    assert (printed.odd, printed.lost, printed.attached) == (1, 4, 12)
    assert parse.parse_output('{"type": 3}\n[1]\n{"type": "map", "data": 7}').odd == 3


def test_functions_of_a_module_are_known_by_their_address() -> None:
    text = module_text("vexfs", KALLSYMS, MODULES)
    frames = text.stack("\n\tffffffffc0a31180 0xffffffffc0a31180\n\tffffffff811f0010 generic_file_read_iter+16\n")
    assert frames == (
        Frame(function="vexfs_write_iter", offset=0x80, module="vexfs"),
        Frame(function="generic_file_read_iter", offset=16),
    )
    assert parse_kallsyms(KALLSYMS)["vexfs"] == {"vexfs_open", "vexfs_write_iter"}
    assert "ext4_open" in parse_kallsyms("ffffffff811f0000 t ext4_open\n", built_in="ext4")["ext4"]


def test_the_picture_is_well_formed_and_says_how_much() -> None:
    hostile = StackSum(frames=(Frame(function="<script>&\x1b[2J", module="vexfs"),), total=10, command="a<b")
    picture = flame_svg([hostile, *_trace().on_cpu], module="vexfs", title="vexfs: on <cpu>", unit="samples")
    root = ElementTree.fromstring(picture)
    titles = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any(title.startswith("all: 17 samples, 100.0 %") for title in titles)
    assert any(title.startswith("vexfs_open [vexfs]: 7 samples, 41.2 %") for title in titles)
    assert "<script>" not in picture


def test_an_empty_picture_says_so() -> None:
    assert "nothing was seen" in flame_svg([], module="vexfs", title="t", unit="samples")


def test_speedscope_has_outer_functions_first() -> None:
    document = json.loads(speedscope(_trace().on_cpu, name="n", unit="none"))
    (profile,) = document["profiles"]
    names = [document["shared"]["frames"][number]["name"] for number in profile["samples"][0]]
    assert names == ["dd", "do_dentry_open", "vexfs_open [vexfs]", "kmalloc_trace"]
    assert profile["weights"] == [7]


def test_the_time_line_for_perfetto() -> None:
    events = json.loads(chrome_trace(_trace()))["traceEvents"]
    calls = [event for event in events if event["ph"] == "X"]
    assert [(event["name"], event["ts"], event["dur"], event["tid"]) for event in calls] == [
        ("write", 0.0, 0.5, 412),
        ("write", 2.0, 0.7, 412),
    ]


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = _trace()
    files = write_trace(trace, tmp_path)
    assert read_trace(tmp_path) == read_trace(tmp_path / "trace.json") == trace
    assert {"trace.json", "trace.txt", "trace.chrome.json", "on-cpu.svg", "outstanding.svg"} <= {f.name for f in files}


@pytest.mark.parametrize("text", ["", "{}", '{"target": 3}', "[]"])
def test_what_is_no_trace_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "trace.json").write_text(text)
    with pytest.raises(UsageError, match="is no trace"):
        read_trace(tmp_path)


def test_a_trace_of_another_format_is_refused(tmp_path: Path) -> None:
    write_trace(_trace(format=99), tmp_path)
    with pytest.raises(UsageError, match="has format 99"):
        read_trace(tmp_path)


def test_the_words() -> None:
    text = "\n".join(lines_of(_trace()))
    assert "write" in text
    assert "vexfs:vexfs_write_iter" in text
    assert "64 B in 2 objects: vexfs_open" in text
    assert "the probes took about 2.7 us of the guest's time" in text
    assert "3 calls found no room" in text


def test_the_place_of_a_call_is_the_modules_own_line() -> None:
    frames = (
        Frame(function="kmalloc", module="vexfs", inline=True, source="include/linux/slab.h:563"),
        Frame(function="vexfs_open_hints", module="vexfs", inline=True, source="file.c:301"),
        Frame(function="vexfs_open", module="vexfs", source="file.c:308"),
    )
    text = "\n".join(lines_of(_trace(outstanding=(StackSum(frames=frames, count=16, total=1536),))))
    assert "1.5 KiB in 16 objects: vexfs_open (vexfs_open_hints, inlined) at file.c:301" in text


def test_two_traces_are_one_where_a_module_was_loaded_twice() -> None:
    both = together(Trace(target="vexfs", module="vexfs", kernel="6.1", what="x"), [_trace(), _trace()], ["n"])
    assert both.probes[0].calls == 6
    assert both.probes[0].buckets[0].count == 2
    assert both.outstanding[0].total == 128
    assert both.seconds == 4.0
    assert both.notes == ("n",)


def test_a_change_is_more_than_one_power_of_two() -> None:
    def probe(low: int) -> ProbeFigures:
        return ProbeFigures(
            name="write", place="p", calls=1, total=low, buckets=(Bucket(low=low, high=2 * low, count=1),)
        )

    near = list(compare_lines(_trace(probes=(probe(1024),)), _trace(probes=(probe(2048),))))
    far = list(compare_lines(_trace(probes=(probe(1024),)), _trace(probes=(probe(4096),))))
    assert not any("*" in line for line in near if line.startswith("write"))
    assert any("*" in line for line in far if line.startswith("write"))


def test_percentiles_of_nothing_of_one_value_and_quantities() -> None:
    assert percentile_of((), 50) == 0
    one = ProbeFigures(name="write", place="vexfs:write", total=270, buckets=(Bucket(low=256, high=512, count=1),))
    assert {one.percentile(percent) for percent in (1, 50, 99)} == {270}
    assert [quantity(value, "ns") for value in (0, 999, 1500, 2.5e6, 3e9)] == [
        "0 ns",
        "999 ns",
        "1.5 us",
        "2.5 ms",
        "3 s",
    ]
    assert [quantity(value, "bytes") for value in (1, 4096, 3 << 20)] == ["1 B", "4 KiB", "3 MiB"]
