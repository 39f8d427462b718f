"""A finding has the title that its reader needs."""

from __future__ import annotations

from vexlab.classify import classify
from vexlab.plugin.findings import finding_of

# The machine was ended while its kernel printed the trace; what a lock waits with is no function of note.
CUT_OFF = """\
[  130.1] INFO: task jbd2/vdc-0:241 blocked for more than 61 seconds.
[  130.1]       Tainted: G           O       6.1.192-vexlab-kasan #1
[  130.1] "echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.
[  130.1] task:jbd2/vdc-0      state:D stack:0     pid:241   ppid:2      flags:0x00004000
[  130.1] Call Trace:
[  130.1]  <TASK>
[  130.1]  __schedule+0xc47/0x2660
[  130.1]  schedule+0x136/0x240
"""


def test_a_title_names_no_function_where_the_log_is_cut_off() -> None:
    (report,) = classify(CUT_OFF)
    assert report.title == "INFO: task hung in corrupted", "the classifier's word for it"
    assert finding_of(report).title == "INFO: task hung"


def test_a_function_that_is_called_so_keeps_its_name() -> None:
    (report,) = classify(CUT_OFF + "[  130.1]  corrupted_dir_check+0x1/0x20 [vexfs]\n")
    assert finding_of(report).title == "INFO: task hung in corrupted_dir_check"
