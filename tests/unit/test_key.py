"""What tells one case from every other: its key, and the digest of its code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from vexlab.kernels.table import flavour_of
from vexlab.model.key import CaseKey
from vexlab.plugin.digest import case_digest
from vexlab.plugin.marks import CONFIGURATION, marks_of

KERNELS = ("6.1", "6.1-amd64", "6.12")


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("d.a", CaseKey(domain="d", name="a")),
        ("d.a[6.1]", CaseKey(domain="d", name="a", kernel="6.1")),
        ("d.a[6.1-amd64]", CaseKey(domain="d", name="a", kernel="6.1-amd64")),
        ("d.a[6.1-amd64-b-c]", CaseKey(domain="d", name="a", kernel="6.1-amd64", parameters="b-c")),
        ("d.a[6.1-amd]", CaseKey(domain="d", name="a", kernel="6.1", parameters="amd")),
        ("d.a[6.10]", CaseKey(domain="d", name="a", parameters="6.10")),
        ("d.a[x.y-[z]]", CaseKey(domain="d", name="a", parameters="x.y-[z]")),
        ("a", CaseKey(domain="", name="a")),
        ("d.a[6.1-small]", CaseKey(domain="d", name="a", kernel="6.1", configuration="small")),
        (
            "d.a[6.1-small_blocks-b]",
            CaseKey(domain="d", name="a", kernel="6.1", configuration="small_blocks", parameters="b"),
        ),
        ("d.a[6.1-smallest]", CaseKey(domain="d", name="a", kernel="6.1", parameters="smallest")),
    ],
)
def test_an_id_is_the_key_as_text(case: str, key: CaseKey) -> None:
    assert str(key) == case
    assert CaseKey.parse(case, KERNELS, ("small", "small_blocks")) == key


def test_a_case_is_another_one_on_another_flavour_or_target() -> None:
    key = CaseKey(domain="d", name="a", kernel="6.1", target="vexfs")
    others = [CaseKey.parse("d.a[6.1]", KERNELS), CaseKey(domain="d", name="a", kernel="6.1", flavour="kasan")]
    assert key not in others
    assert key.across_kernels == CaseKey(domain="d", name="a", kernel="6.12", target="vexfs").across_kernels


def _item(path: Path, name: str, parameters: str = "", kernel: str = "") -> pytest.Item:
    item = SimpleNamespace(path=path, name=name, originalname=name, get_closest_marker=lambda _name: None)
    if parameters:
        item.name = f"{name}[{parameters}]"
        item.callspec = SimpleNamespace(id=parameters, params={"kernel": kernel} if kernel else {})
    return cast("pytest.Item", item)


@pytest.mark.parametrize(
    ("parameters", "kernel", "case"),
    [
        ("", "", "d.a"),
        ("6.1", "6.1", "d.a[6.1]"),
        ("6.1-big", "6.1", "d.a[6.1-big]"),
        ("big-6.1", "6.1", "d.a[6.1-big]"),  # another plugin gave its parameters first
        ("x-6.1-y", "6.1", "d.a[6.1-x-y]"),
        ("6.1-6.1", "6.1", "d.a[6.1-6.1]"),
        ("6.12-x", "6.12", "d.a[6.12-x]"),
        ("/k\\xe9-x", "/ké", "d.a[/ké-x]"),
        ("16.1", "", "d.a[16.1]"),
    ],
)
def test_the_kernel_stands_first_among_the_parameters(parameters: str, kernel: str, case: str) -> None:
    assert marks_of(_item(Path("/x/d/test_f.py"), "test_a", parameters, kernel)).id == case


@pytest.mark.parametrize(
    ("parameters", "configuration", "case"),
    [
        ("6.1-default", "", "d.a[6.1]"),
        ("6.1-default-big", "", "d.a[6.1-big]"),
        ("6.1-small", "small", "d.a[6.1-small]"),
        ("6.1-small-big-small", "small", "d.a[6.1-small-big-small]"),
        ("big-6.1-small", "small", "d.a[6.1-small-big]"),
    ],
)
def test_the_configuration_follows_the_kernel(parameters: str, configuration: str, case: str) -> None:
    item = _item(Path("/x/d/test_f.py"), "test_a", parameters, "6.1")
    item.callspec.params[CONFIGURATION] = configuration  # type: ignore[attr-defined] # a stand-in
    assert marks_of(item).id == case
    assert marks_of(item).key.configuration == configuration


def test_a_parameter_called_default_stays_where_no_configuration_was_asked_for() -> None:
    assert marks_of(_item(Path("/x/d/test_f.py"), "test_a", "6.1-default", "6.1")).id == "d.a[6.1-default]"


def test_kernels_that_are_in_no_table_are_a_distributions() -> None:
    assert {flavour_of(name) for name in ("6.1", "host", "/boot/vmlinuz-7", "")} == {"distro"}


CASES = """
LIMIT = 1

@mark
def test_one():
    assert f() < LIMIT

def f():
    return 0

class TestMore:
    def test_two(self):
        pass
"""


def _digests(folder: Path, text: str = CASES, helper: str = "A = 1") -> tuple[str, str]:
    file = folder / "d" / "test_f.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    (file.parent / "shared.py").write_text(helper)
    return case_digest(_item(file, "test_one", "6.1")), case_digest(_item(file, "test_two"))


def test_the_digest_follows_the_code_of_the_case(tmp_path: Path) -> None:
    one, two = _digests(tmp_path)
    assert one != two
    assert len(one) == 16
    assert _digests(tmp_path) == (one, two)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("f() < LIMIT", "f() <= LIMIT", (True, False)),
        ("@mark", "@mark(1)", (True, False)),
        ("        pass", "        assert 1", (False, True)),
        ("LIMIT = 1", "LIMIT = 2", (True, True)),
        ("return 0", "return 2", (True, True)),
    ],
)
def test_another_case_in_the_file_changes_nothing(
    tmp_path: Path, old: str, new: str, changed: tuple[bool, bool]
) -> None:
    before = _digests(tmp_path)
    after = _digests(tmp_path, CASES.replace(old, new))
    assert tuple(one != two for one, two in zip(before, after, strict=True)) == changed


def test_what_the_folder_shares_is_part_of_every_case(tmp_path: Path) -> None:
    before, after = _digests(tmp_path), _digests(tmp_path, helper="A = 2")
    assert all(one != two for one, two in zip(before, after, strict=True))


def test_a_program_of_the_guest_is_part_of_the_cases_that_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("repeat_failures.py", "other.py"):
        (programs / name).write_text("pass\n")
    monkeypatch.setattr("vexlab.plugin.digest.SCRIPTS", programs)
    imported = "from vexlab.guest.repeat import FAILURES\n"
    before = _digests(tmp_path, imported + CASES)
    (programs / "other.py").write_text("return\n")
    assert _digests(tmp_path, imported + CASES) == before
    (programs / "repeat_failures.py").write_text("changed\n")
    after = _digests(tmp_path, imported + CASES)
    assert all(one != two for one, two in zip(before, after, strict=True))


def test_what_a_program_imports_is_part_of_the_cases_that_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "vector_info.py").write_text("from calls import ADD, call\n")
    library = tuple(programs.with_name(name) for name in ("calls.py", "others.py"))
    for file in library:
        file.write_text("pass\n")
    monkeypatch.setattr("vexlab.plugin.digest.SCRIPTS", programs)
    monkeypatch.setattr("vexlab.plugin.digest.LIBRARY", library)
    text = CASES + 'PROGRAM = "vector_info.py"\n'
    before = _digests(tmp_path, text)
    library[1].write_text("changed\n")
    assert _digests(tmp_path, text) == before
    library[0].write_text("changed\n")
    after = _digests(tmp_path, text)
    assert all(one != two for one, two in zip(before, after, strict=True))


def test_a_case_without_a_source_has_no_digest(tmp_path: Path) -> None:
    assert case_digest(_item(tmp_path / "test_gone.py", "test_one")) == ""
