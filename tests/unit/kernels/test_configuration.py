"""A kernel's configuration is put together from fragments, and what did not come of it is told with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.kernels import configuration
from vexlab.kernels.flavours import BY_NAME, FRAGMENTS, built
from vexlab.model.kernel import Flavour

_KCONFIG = """
menu "Debugging"

config DEBUG_KERNEL
>bool "Kernel debugging"

if DEBUG_KERNEL

config FAULTS
>bool "Faults"
>depends on DEBUG_FS && BLOCK
>depends on !X86_64
>help
>  depends on the help text not being read as a condition

source "lib/Kconfig.more"

endif

config LOOSE
>tristate "Loose"

endmenu
""".replace(">", "\t")
_MORE = """
menuconfig INNER
>bool "Inner"
>depends on MMU
""".replace(">", "\t")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {"Kconfig": 'source "lib/Kconfig"\n', "lib/Kconfig": _KCONFIG, "lib/Kconfig.more": _MORE}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_configuration_is_read() -> None:
    text = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="-x"\nCONFIG_D=0x1\n# a remark\nCONFIG_A=m\n'
    assert configuration.parse(text) == {"A": "m", "B": "n", "C": "-x", "D": "0x1"}


def test_the_fragments_of_a_flavour_are_merged_and_the_users_own_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "# CONFIG_XFS_FS is not set\nCONFIG_NR_CPUS=4\n"
    text = configuration.wanted(BY_NAME["kasan"], local_version="-vexlab-kasan", extra=own)
    options = configuration.parse(text)
    assert (options["KASAN_INLINE"], options["FAILSLAB"], options["DEBUG_KMEMLEAK"]) == ("y", "y", "y")
    assert (options["XFS_FS"], options["NR_CPUS"], options["LOCALVERSION"]) == ("n", "4", "-vexlab-kasan")
    assert 'CONFIG_LOCALVERSION="-vexlab-kasan"\n' in text
    assert "CONFIG_MAGIC_SYSRQ_DEFAULT_ENABLE=0x1\n" in text


@pytest.mark.parametrize("flavour", built(), ids=lambda flavour: flavour.name)
def test_what_a_flavour_must_have_stands_in_its_fragments(flavour: Flavour) -> None:
    options = configuration.parse(configuration.wanted(flavour, local_version=""))
    for asked in flavour.options:
        name, _, value = asked.partition("=")
        assert options.get(name) == (value or "y"), asked


def test_every_fragment_belongs_to_a_flavour() -> None:
    files = {file.stem for file in FRAGMENTS.glob("*")}
    assert files == {name for flavour in built() for name in flavour.fragments}


def test_what_came_of_it_may_be_more_than_was_asked_but_not_less() -> None:
    asked = {"A": "m", "B": "y", "C": "y", "D": "n", "E": "17"}
    found = {"A": "y", "B": "m", "D": "y", "E": "17"}
    assert configuration.missing(asked, found) == {"B": ("y", "m"), "C": ("y", "n"), "D": ("n", "y")}
    assert configuration.missing({"A": "n"}, {}) == {}


def test_a_missing_option_is_told_with_what_it_depends_on(tree: Path) -> None:
    found = {"DEBUG_KERNEL": "y", "DEBUG_FS": "y", "X86_64": "y"}
    with pytest.raises(UsageError) as raised:
        configuration.verify({"FAULTS": "y", "DEBUG_KERNEL": "y"}, found, tree)
    words = raised.value.message
    assert "CONFIG_FAULTS: asked for y, is n" in words
    assert "`DEBUG_KERNEL` (DEBUG_KERNEL is y)" in words
    assert "`DEBUG_FS && BLOCK` (DEBUG_FS is y, BLOCK is n)" in words
    assert "`!X86_64` (X86_64 is y)" in words
    assert "lib/Kconfig" in words
    assert "help text" not in words


def test_conditions_around_a_sourced_file_hold_in_it(tree: Path) -> None:
    (entry,) = configuration.read_entries(tree, ["INNER"])["INNER"]
    assert entry.depends == ("DEBUG_KERNEL", "MMU")
    (entry,) = configuration.read_entries(tree, ["LOOSE"])["LOOSE"]
    assert entry.depends == ()


def test_an_option_that_the_tree_does_not_have_is_told_with_what_was_meant(tree: Path) -> None:
    with pytest.raises(
        UsageError, match=r"CONFIG_FAULT: .* no Kconfig file of this kernel(.|\n)*did you mean `FAULTS`"
    ):
        configuration.verify({"FAULT": "y"}, {}, tree)


def test_a_configuration_with_all_that_was_asked_for_is_taken(tree: Path) -> None:
    configuration.verify({"DEBUG_KERNEL": "y"}, {"DEBUG_KERNEL": "y"}, tree)


def test_a_kconfig_that_sources_itself_ends(tree: Path) -> None:
    (tree / "lib/Kconfig.more").write_text('source "lib/Kconfig"\n')
    assert configuration.option_names(tree) == ["DEBUG_KERNEL", "FAULTS", "LOOSE"]


def test_an_option_that_newer_kernels_retired_may_be_missing_only_where_the_tree_does_not_know_it(tree: Path) -> None:
    (retired,) = list(configuration.RETIRED)[:1]
    configuration.verify({retired: "y"}, {}, tree)
    with pytest.raises(UsageError, match="CONFIG_FAULTS"):
        configuration.verify({retired: "y", "FAULTS": "y"}, {}, tree)
    (tree / "Kconfig").write_text(f"config {retired}\n\tbool\n\tdepends on UBSAN\n")
    with pytest.raises(UsageError, match="depends on `UBSAN`"):
        configuration.verify({retired: "y"}, {}, tree)


def test_every_retired_option_is_asked_for_by_a_flavour() -> None:
    asked = {
        name for flavour in built() for name in configuration.parse(configuration.wanted(flavour, local_version=""))
    }
    assert set(configuration.RETIRED) <= asked
