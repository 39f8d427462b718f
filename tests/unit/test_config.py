"""Settings and target files: what is wrong is named, with the next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vexlab.config import Settings, load_settings, read_toml, suggest
from vexlab.errors import UsageError
from vexlab.model.refusals import OPERATIONS, PROPERTIES
from vexlab.targets.load import find_target, load_target, shipped_targets

TEN_LINES = """
name = "thing"
fstype = "thingfs"
source = "src"
mkfs = "mkfs.thing -q {device}"
mount_options = ["noatime"]
depends = ["jbd2"]
"""


def _target(folder: Path, text: str = TEN_LINES) -> Path:
    (folder / "src").mkdir(exist_ok=True)
    file = folder / "target.toml"
    file.write_text(text)
    return file


def test_a_short_target_is_enough(tmp_path: Path) -> None:
    target = load_target(_target(tmp_path))
    assert target.module == "thingfs"
    assert target.mkfs == ("mkfs.thing", "-q", "{device}")
    assert target.source == tmp_path / "src"
    assert not target.in_tree


def test_options_and_statistics(tmp_path: Path) -> None:
    more = '[options]\nerrors = ["panic", "continue"]\n[statistics]\nblocks = "/proc/fs/x/{name}/blocks"\n'
    target = load_target(_target(tmp_path, TEN_LINES + more))
    assert target.options == (("errors", ("panic", "continue")),)
    assert target.statistics == (("blocks", "/proc/fs/x/{name}/blocks"),)


def test_module_name_may_differ(tmp_path: Path) -> None:
    target = load_target(_target(tmp_path, TEN_LINES + 'module = "thing-fs"\n'))
    assert (target.module, target.fstype) == ("thing_fs", "thingfs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fstyp = "x"\nname = "x"', "unknown key `fstyp`"),
        ('name = "x"', "fstype"),
        ("name = 3\nfstype = 'x'", "Expected `str`, got `int`"),
        ("name = ", "not valid TOML"),
        ("name = 'x'\nfstype = 'x'\nmkfs = 'mkfs.x'", "must say where the device goes"),
        ("name = 'x'\nfstype = 'x'\nmkfs = \"mkfs.x '{device}\"", "is no command"),
        ("name = 'x'\nfstype = 'x'\nsource = 'nowhere'", "does not exist"),
        ("name = 'x'\nfstype = 'x'\n[build]\narg = ['a']", "unknown key `arg`"),
        ("name = 'x'\nfstype = 'x'\n[[tools]]\nsource='src'\noutput=['a']", "unknown key `output`"),
        ("name = 'x'\nfstype = 'x'\n[statistics]\nblcks = '/sys/{name}'", "unknown key `blcks` in [statistics]"),
        ("name = 'x'\nfstype = 'x'\n[statistics]\nblocks = '/sys/blocks'", "names no file of a device"),
        ("name = 'x'\nfstype = 'x'\n[refuses]\nfalocate = 'no'", "unknown word `falocate` in [refuses]"),
        ("name = 'x'\nfstype = 'x'\n[refuses]\n\"xattr.lrge_values\" = 'no'", "unknown word `xattr.lrge_values`"),
    ],
)
def test_a_wrong_target_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_target(_target(tmp_path, text))
    assert said in caught.value.message
    assert caught.value.exit_code == 2


def test_unknown_key_suggests_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_target(_target(tmp_path, 'name = "x"\nfstyp = "x"'))
    assert caught.value.hint == "did you mean `fstype`?"


def test_unknown_refusal_suggests_the_near_one(tmp_path: Path) -> None:
    mistakes = {"falocate": "fallocate", "fixed_inode": "fixed_inodes", '"xattr.large_value"': "xattr.large_values"}
    for word, near in mistakes.items():
        with pytest.raises(UsageError) as caught:
            load_target(_target(tmp_path, f'name = "x"\nfstype = "x"\n[refuses]\n{word} = "no"'))
        assert caught.value.hint == f"did you mean `{near}`?"


def test_every_word_that_is_looked_up_is_known(tmp_path: Path) -> None:
    """Operations, properties, families, checks, markers: as the sources of the lab ask for them."""
    looked_up = {"xattr", "owner.acl_grants", "mark.xattrs", "persist", "readonly.making", *OPERATIONS, *PROPERTIES}
    # "xattr" in dict(target.refuses)      dict(target.refuses).get("swap_files")      _WORD = "x"  # in [refuses]: ...
    asked = re.compile(
        r'"(\w+)" (?:not )?in dict\([\w.]*refuses\)|refuses\)\.get\("(\w+)"\)|= "(\w+)"  # in \[refuses\]'
    )
    for file in (Path(__file__).parents[2] / "src/vexlab").rglob("*.py"):
        looked_up |= {word for match in asked.finditer(file.read_text()) for word in match.groups() if word}
    assert {"swap_files", "synced_gaps", "readonly_mount"} <= looked_up
    words = "\n".join(f'"{word}" = "no"' for word in sorted(looked_up))
    load_target(_target(tmp_path, f'name = "x"\nfstype = "x"\n[refuses]\n{words}'))


def test_missing_target_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError) as caught:
        find_target("etx4")
    assert "did you mean `ext4`?" in caught.value.hint


def test_shipped_targets_load() -> None:
    assert set(shipped_targets()) >= {"ext4", "xfs", "btrfs", "minix"}
    for name in shipped_targets():
        assert find_target(name).in_tree


def test_settings_default_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None) == Settings()


def test_settings_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    file = tmp_path / "vexlab.toml"
    file.write_text('cache = "c"\nresults = "r"\n[thresholds]\ncycles = 5\n')
    settings = load_settings(file)
    assert settings.cache == str(tmp_path / "c")
    assert settings.results == str(tmp_path / "r")
    assert settings.thresholds.cycles == 5


def test_settings_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_binary_file_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_toml(tmp_path / "x.toml", Settings)


def test_suggest_lists_when_nothing_is_near() -> None:
    assert suggest("zzzz", ["b", "a"]) == "known: a, b"
