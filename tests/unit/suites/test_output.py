"""Output of a suite that is too much to keep: how its tests ended is still there."""

from __future__ import annotations

from vexlab.suites.cases.output import Output


def _said(*pieces: bytes) -> bytes:
    output = Output(head=10, tail=8)
    for piece in pieces:
        output.take(1, piece)
    return output.said()


def test_all_is_kept_where_there_is_room() -> None:
    assert _said() == b""
    assert _said(b"0123", b"456789") == b"0123456789"
    assert _said(b"0123456789abc", b"defgh") == b"0123456789abcdefgh"


def test_of_too_much_the_end_is_kept_and_the_gap_is_told() -> None:
    said = _said(b"0123456789", *[b"x" * 7] * 100, b"ended 1")
    assert said.startswith(b"0123456789\nvexlab: 699 bytes are left out here\n")
    assert said.endswith(b"xended 1")
    assert len(said) < 70
