"""What references of Avocado's ask vexlab for, and the tests that come of vexlab's list."""

from __future__ import annotations

import pytest

from vexlab_avocado.reference import case_id, chosen, parse

INFO = {
    "id": "vector_operations.info[6.1-small]",
    "domain": "vector_operations",
    "name": "info",
    "parameters": "small",
    "kernel": "6.1",
    "configuration": "",
    "level": 1,
    "scenario": 3,
    "safety": "safe",
    "quick": True,
}
INFORM = INFO | {"id": "vector_operations.inform[6.1]", "name": "inform", "parameters": "", "quick": False}
LAYERS = {"id": "integration.layers", "domain": "integration", "name": "layers", "level": 2}


@pytest.mark.parametrize(
    ("reference", "select", "source"),
    [
        ("vexlab:all", (), ()),
        ("vexlab:quick", ("--quick",), ()),
        ("vexlab:level1", ("--level", "1"), ()),
        ("vexlab:level/2", ("--level", "2"), ()),
        ("vexlab:domain/integration", ("--domain", "integration"), ()),
        ("vexlab:suite/fsx", ("--suite", "fsx"), ("--suite", "fsx")),
        ("vexlab:file/my/test_own.py", ("my/test_own.py",), ("my/test_own.py",)),
        ("vexlab:case/vector_operations.info", (), ()),
    ],
)
def test_a_reference_says_what_is_listed(reference: str, select: tuple[str, ...], source: tuple[str, ...]) -> None:
    wish = parse(reference)
    assert wish is not None
    assert (wish.select, wish.source) == (select, source)


@pytest.mark.parametrize("reference", ["/bin/true", "tests/test_a.py", "vexlabs:all", ""])
def test_other_references_are_none_of_ours(reference: str) -> None:
    assert parse(reference) is None


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("vexlab:levl/1", "`levl` is no kind"),
        ("vexlab:", "no kind"),
        ("vexlab:domain/", "should read `vexlab:domain/NAME`"),
        ("vexlab:domain", "should read"),
        ("vexlab:quick/1", "should read `vexlab:quick`"),
        ("vexlab:file/--config=x", "begins like an option"),
    ],
)
def test_a_wrong_reference_says_what_is_wrong(reference: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(reference)


def test_one_kernel_is_not_in_the_name_so_that_a_variant_can_choose_it() -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    first, last = chosen(wish, [INFO, LAYERS])
    assert first.uri == "vexlab:case/vector_operations.info[small]"
    assert not first.pinned
    assert last.uri == "vexlab:case/integration.layers"


def test_several_kernels_are_told_apart_by_the_name() -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    cases = chosen(wish, [INFO, INFO | {"kernel": "6.12"}])
    assert [case.uri for case in cases] == [
        "vexlab:case/vector_operations.info[6.1-small]",
        "vexlab:case/vector_operations.info[6.12-small]",
    ]
    assert all(case.pinned for case in cases)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("vector_operations.info[6.1-small]", ["info"]),
        ("vector_operations.info[small]", ["info"]),
        ("vector_operations.info", ["info", "inform"]),
        ("*.info*", ["info", "inform"]),
        ("vector_operations.inform", ["inform"]),
        ("nothing", []),
    ],
)
def test_a_case_is_meant_by_id_beginning_or_pattern(asked: str, names: list[str]) -> None:
    wish = parse(f"vexlab:case/{asked}")
    assert wish is not None
    assert [case.key["name"] for case in chosen(wish, [INFO, INFORM, LAYERS])] == names


def test_the_name_of_a_test_leads_to_it_again() -> None:
    everything = parse("vexlab:all")
    assert everything is not None
    for case in chosen(everything, [INFO, INFORM, LAYERS]):
        again = parse(case.uri)
        assert again is not None
        assert [each.uri for each in chosen(again, [INFO, INFORM, LAYERS])] == [case.uri]


def test_tags_say_domain_level_scenario_and_more() -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    tags = chosen(wish, [INFO])[0].tags
    assert {name: set(values) for name, values in tags.items()} == {
        "domain": {"vector_operations"},
        "level": {"1"},
        "scenario": {"3"},
        "safety": {"safe"},
        "kernel": {"6.1"},
        "quick": {"yes"},
    }


def test_an_id_is_composed_as_vexlab_does() -> None:
    key = {"domain": "d", "name": "n", "kernel": "6.1", "configuration": "small_blocks", "parameters": "a"}
    assert case_id(key) == "d.n[6.1-small_blocks-a]"
    assert case_id(key, kernel="6.1-kasan", configuration="") == "d.n[6.1-kasan-a]"
