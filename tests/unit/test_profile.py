"""A profile says what works, keeps it, and has one table of names."""

from __future__ import annotations

import pytest

from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import (
    Capability,
    Profile,
    State,
    decode,
    decode_all,
    encode,
    encode_all,
    guest_text,
    in_order,
    limit_words,
    summary,
    unknown,
)
from vexlab.model.refusals import OPERATIONS, PROPERTIES

YOUNG = Profile(
    target="young",
    fstype="young",
    kernel="6.1",
    digest="d",
    capabilities=(
        Capability(name="mkdir", state=State.WORKS),
        Capability(name="link", state=State.REFUSED, errno="EPERM", trigger="link(a, b)"),
        Capability(
            name="mmap_write",
            state=State.BROKEN,
            deadly=True,
            finding="BUG: NULL pointer dereference in young_writepage",
        ),
        Capability(name="name_max", state=State.WORKS, limit=28, errno="ENAMETOOLONG"),
        Capability(name="file_size", state=State.WORKS, limit=64 << 20, at_least=True),
        unknown("quota", "it needs what broke"),
    ),
)


def test_what_is_not_known_to_fail_works() -> None:
    works = {name: YOUNG.works(name) for name in ("mkdir", "link", "mmap_write", "name_max", "quota", "symlink")}
    assert works == {
        "mkdir": True, "link": False, "mmap_write": False, "name_max": True, "quota": True, "symlink": True,
    }  # fmt: skip
    assert [YOUNG.limit(name) for name in ("name_max", "mkdir", "link_max", "file_size")] == [28, None, None, None]
    assert [each.name for each in (*YOUNG.refused(), *YOUNG.broken())] == ["link", "mmap_write"]
    with pytest.raises(KeyError):
        YOUNG.works("links")


def test_it_comes_back_as_it_was() -> None:
    assert decode(encode(YOUNG)) == YOUNG
    assert decode_all(encode_all([YOUNG, YOUNG])) == (YOUNG, YOUNG)
    for data in (b"", b"{}", b"[1]", b"\xff", encode(YOUNG).replace(b'"works"', b'"perhaps"')):
        with pytest.raises(ValueError, match="no profile"):
            decode(data)


def test_a_guest_reads_four_words_a_line() -> None:
    assert guest_text(YOUNG).splitlines() == [
        "mkdir works - -",
        "link refused - EPERM",
        "mmap_write deadly - -",
        "name_max works 28 ENAMETOOLONG",
        "file_size works - -",
        "quota unknown - -",
    ]


def test_three_lines_say_it() -> None:
    assert summary(YOUNG) == (
        "works: 3 of 6, 1 unknown; name_max 28 bytes, file_size at least 64 MiB",
        "refused: link (EPERM)",
        "broken: mmap_write (BUG: NULL pointer dereference in young_writepage)",
    )
    assert summary(Profile(target="t", fstype="t", kernel="k", digest="", capabilities=()))[1:] == (
        "refused: nothing",
        "broken: nothing",
    )


def test_many_names_are_counted() -> None:
    many = tuple(Capability(name=name, state=State.REFUSED) for name in list(CAPABILITIES)[:15])
    words = summary(Profile(target="t", fstype="t", kernel="k", digest="", capabilities=many))[1]
    assert words.count(",") == 11
    assert words.endswith(" and 3 more")


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (48 << 10, "49152 bytes"),
        (1 << 20, "1 MiB"),
        ((1 << 63) - 1, "8 EiB - 1"),
        ((4 << 30) - 1, "4 GiB - 1"),
        ((3 << 20) + 5000, "3.0 MiB"),
    ],
)
def test_sizes_are_readable(limit: int, words: str) -> None:
    assert limit_words(Capability(name="file_sparse", state=State.WORKS, limit=limit)) == words


def test_the_table_uses_the_words_of_refusals() -> None:
    words = {word for kind in CAPABILITIES.values() for word in kind.refuses}
    assert words <= set(OPERATIONS) | set(PROPERTIES)
    for name in OPERATIONS:  # one name for one thing: where both tables have a name, it is the same thing
        if name in CAPABILITIES:
            assert CAPABILITIES[name].refuses == (name,)


def test_they_stand_in_the_tables_order() -> None:
    names = [each.name for each in in_order(reversed(YOUNG.capabilities))]
    assert names == ["mkdir", "link", "mmap_write", "name_max", "file_size", "quota"]


def test_what_needs_a_refused_capability_does_not_work() -> None:
    profile = Profile(
        target="t",
        fstype="t",
        kernel="6.1",
        digest="d",
        capabilities=(
            Capability(name="rename", state=State.REFUSED, errno="EPERM"),
            Capability(name="rename_over", state=State.UNKNOWN, detail="it needs rename"),
            Capability(name="symlink", state=State.BROKEN, deadly=True),
            Capability(name="symlink_max", state=State.UNKNOWN, detail="it needs symlink"),
            Capability(name="link_max", state=State.UNKNOWN, detail="it needs patience"),
        ),
    )
    assert [profile.works(name) for name in ("rename_over", "symlink_max", "link_max")] == [False, False, True]
    assert profile.behind("rename_over").name == "rename"
    assert guest_text(profile).splitlines() == [
        "rename refused - EPERM",
        "rename_over refused - EPERM",
        "symlink deadly - -",
        "symlink_max deadly - -",
        "link_max unknown - -",
    ]
