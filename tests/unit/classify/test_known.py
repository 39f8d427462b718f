from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.classify.known import load, sort_out
from vexlab.errors import UsageError

TODAY = datetime.date(2026, 6, 1)
LOG = """\
WARNING: CPU: 0 PID: 7 at fs/demo.c:12 demo_write+0x1/0x2 [demo]
CPU: 0 PID: 7 Comm: dd Not tainted 6.1.0 #1
RIP: 0010:demo_write+0x1/0x2 [demo]
Call Trace:
 vfs_write+0x1/0x2
 ksys_write+0x1/0x2
"""
OTHER = LOG.replace("demo_write", "demo_sync")
ENTRY = """\
[[issue]]
title = "WARNING in demo_write"
reason = "harmless, fixed in 2.1"
owner = "storage team"
expires = 2026-12-31
"""


def issues(tmp_path: Path, text: str = ENTRY) -> Path:
    file = tmp_path / "known.toml"
    file.write_text(text)
    return file


def test_a_known_finding_stays_visible_and_hides_no_other(tmp_path: Path) -> None:
    divided = sort_out(classify(LOG + OTHER), load(issues(tmp_path)), today=TODAY)
    assert [report.title for report in divided.new] == ["WARNING in demo_sync"]
    assert [(report.title, issue.owner) for report, issue in divided.known] == [
        ("WARNING in demo_write", "storage team")
    ]


def test_an_expired_entry_suppresses_nothing_and_is_itself_reported(tmp_path: Path) -> None:
    late = datetime.date(2027, 1, 1)
    divided = sort_out(classify(LOG), load(issues(tmp_path)), today=late)
    assert len(divided.new) == 1
    assert [issue.title for issue in divided.expired] == ["WARNING in demo_write"]


def test_a_fingerprint_and_a_kernel_can_be_named(tmp_path: Path) -> None:
    (report,) = classify(LOG)
    entry = ENTRY.replace('title = "WARNING in demo_write"', f'fingerprint = "{report.fingerprint}"')
    for kernels, known in (("6.1.*", 1), ("6.12.*", 0)):
        file = issues(tmp_path, f'{entry}kernels = ["{kernels}"]\n')
        assert len(sort_out([report], load(file), today=TODAY).known) == known


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY.replace("owner", "ownr"), "did you mean `owner`"),
        (ENTRY.replace("[[issue]]", "[[isue]]"), "did you mean `issue`"),
        (ENTRY.replace("2026-12-31", '"soon"'), "expires"),
        (ENTRY.replace("WARNING in demo_write", "WARN*"), "nobody has seen"),
        (ENTRY.replace('title = "WARNING in demo_write"', ""), "neither"),
        (ENTRY.replace("storage team", " "), "`owner` is empty"),
        ("[[issue]\n", "TOML"),
    ],
)
def test_what_is_not_understood_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(issues(tmp_path, text))
    assert words in f"{caught.value.message} {caught.value.hint}"
