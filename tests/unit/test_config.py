"""Settings and target files: what is wrong is named, with the next step."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from vexlab.config import Results, Settings, load_settings
from vexlab.errors import UsageError
from vexlab.model.refusals import OPERATIONS, PROPERTIES
from vexlab.tables import read_toml, suggest
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


_MINIMUM = "name = 'x'\nfstype = 'x'\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = '../x'\nfstype = 'x'", "`name` cannot be `../x`"),
        ("name = '-x'\nfstype = 'x'", "`name` cannot be"),
        ("name = ''\nfstype = 'x'", "`name` cannot be"),
        (f"name = '{'x' * 65}'\nfstype = 'x'", "`name` cannot be"),
        ("name = \"a\\u001b[2J\"\nfstype = 'x'", r"control character in `a\x1b[2J`"),
        ("name = \"a\\u202eb\"\nfstype = 'x'", "control character"),
        ("name = \"a\\nb\"\nfstype = 'x'", r"`name` cannot be `a\nb`"),
        ("\"na\\u001bme\" = 'x'\nfstype = 'x'", r"control character in `na\x1bme`"),
        ("name = 'x'\nfstype = '-t'", "`fstype` cannot be"),
        ("name = 'x'\nfstype = 'a b'", "`fstype` cannot be"),
        ("name = 'x'\nfstype = 'x/y'", "`fstype` cannot be"),
        ("name = 'x'\nfstype = 'fuse.x'", "`module` cannot be `fuse.x`"),
        (_MINIMUM + "module = '../../x'", "`module` cannot be `../../x`"),
        (_MINIMUM + "module = '/etc/passwd'", "`module` cannot be"),
        (_MINIMUM + f"module = '{'m' * 56}'", "`module` cannot be"),
        (_MINIMUM + "depends = ['../x']", "`depends` cannot be"),
        (_MINIMUM + "params = ['-f']", "`params` cannot be"),
        (_MINIMUM + "params = ['a=1; rm -rf /']", "`params` cannot be"),
        (_MINIMUM + "mount_options = ['a b']", "`mount_options` cannot be"),
        (_MINIMUM + "packages = ['-oAPT::Update::Pre-Invoke::=id']", "`packages` cannot be"),
        (_MINIMUM + "packages = ['libc6-']", "`packages` cannot be"),
        (_MINIMUM + "packages = ['./x.deb']", "`packages` cannot be"),
        (_MINIMUM + "source = ''\nold_images = ['']", "`old_images` cannot be"),
        (_MINIMUM + "[[tools]]\nsource = ''\noutputs = ['a']", "`source` cannot be"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['../../x']", "outside the tool's source"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['/bin/sh']", "`outputs` cannot be"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['']", "`outputs` cannot be"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['-x']", "`outputs` cannot be"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['a', 'b/a']", "two programs"),
        (_MINIMUM + "[[tools]]\nsource = 'src'\noutputs = ['a']\nargs = [\"a\\nb\"]", "`args` cannot be"),
        (_MINIMUM + "[build]\ntimeout = inf", "build.timeout"),
        (_MINIMUM + "[build]\ntimeout = nan", "build.timeout"),
        (_MINIMUM + "[build]\ntimeout = 0", "build.timeout"),
        (_MINIMUM + "[build]\nargs = ['']", "`build.args` cannot be"),
        (_MINIMUM + "min_disk = -1", "min_disk"),
        (_MINIMUM + "[refuses]\n\"a b\" = 'why'", "`refuses` cannot be"),
        (_MINIMUM + "[options]\na = ['b c']", "`a` cannot be `b c`"),
        (_MINIMUM + "[statistics]\nblocks = '/sys/{name}; id'", "`blocks` cannot be"),
        (_MINIMUM + "source = '/'", "holds your home folder"),
        (_MINIMUM + "source = 'away'", "a link to"),
        (_MINIMUM + "old_images = ['away/a.img.xz']", "lies outside"),
    ],
)
def test_a_text_that_reaches_the_host_is_refused(tmp_path: Path, text: str, said: str) -> None:
    away = tmp_path / "elsewhere"
    (tmp_path / "target").mkdir()
    away.mkdir()
    (away / "a.img.xz").touch()
    (away / "a.manifest").touch()
    (tmp_path / "target" / "away").symlink_to(away)
    with pytest.raises(UsageError) as caught:
        load_target(_target(tmp_path / "target", text))
    assert said in caught.value.message
    assert "\x1b" not in caught.value.message + caught.value.hint


def test_ordinary_texts_are_taken(tmp_path: Path) -> None:
    more = """
packages = ["g++-12", "libc6", "e2fsprogs"]
params = ["debug=1", "sizes=1,2"]
module = "thing-fs"
[options]
errors = ["remount-ro"]
flag = [""]
[[tools]]
source = "../elsewhere"
outputs = ["bin/mkfs.thing", "fsck.thing"]
args = ["CC=gcc -m32", "all"]
[refuses]
acl = "mode bits only; see `docs/`"
"""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    target = load_target(_target(tmp_path / "here", TEN_LINES.replace('"thing"', '"Thing 2 (ünder test)"') + more))
    assert target.tools[0].source.samefile(tmp_path / "elsewhere")
    assert dict(target.options)["flag"] == ("",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100000, "nested"),
        ("x = " + "[" * 100000, "nested"),
        ("a." * 300000 + "a = 1", "nested"),
        ("x = {" + "a." * 300000 + "a = 1}", "nested"),
        ('"a" . ' * 100000 + "a = 1", "nested"),
        ("x = " + "{a = " * 5000, "nested"),
        ("'" * 1000000, "not valid TOML"),
        ("x" * 1000000, "not valid TOML"),
        ("#" * (2 << 20), "longer than 1 MiB"),
        ("x = 1" + "0" * 10000, "not valid TOML"),
        ("x = \x1b[2J", "not valid TOML"),
    ],
)
def test_a_file_that_would_hold_up_a_parser(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    begin = time.process_time()
    with pytest.raises(UsageError, match=said) as caught:
        read_toml(file, Settings)
    assert time.process_time() - begin < 5
    assert "\x1b" not in caught.value.message


def test_what_only_looks_nested_is_read(tmp_path: Path) -> None:
    brackets, dots = "[" * 60, "a." * 100
    text = f'name = "{brackets}"\nfstype = "x"\nmkfs = \'{{device}} {dots}\' # {brackets}{dots}\n'
    target = load_target(_target(tmp_path, text + "[options]\na = ['b', 'c']"))
    assert (target.name, target.mkfs) == (brackets, ("{device}", dots))


@pytest.mark.parametrize("kind", ["folder", "fifo", "loop", "/dev/zero", "/dev/tty", "/proc/self/mem", "large"])
def test_a_special_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "target.toml"
    if kind == "folder":
        file.mkdir()
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "large":
        with file.open("wb") as large:
            large.truncate(1 << 30)
    else:
        file.symlink_to("target.toml" if kind == "loop" else kind)
    for call in (lambda: load_target(file), lambda: find_target(str(tmp_path)), lambda: load_settings(file)):
        with pytest.raises(UsageError, match=r"is no regular file|cannot be read|longer than"):
            call()


def test_a_name_too_long_for_a_file() -> None:
    with pytest.raises(UsageError, match="no target"):
        find_target("x" * 5000)


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


def test_harmless_words_say_something(tmp_path: Path) -> None:
    text = 'name = "x"\nfstype = "x"\nharmless = '
    assert load_target(_target(tmp_path, f'{text}["invalid crc_offset"]')).harmless == ("invalid crc_offset",)
    for wrong in ('["crc"]', str(17 * ["twelve characters"])):
        with pytest.raises(UsageError, match="harmless"):
            load_target(_target(tmp_path, f"{text}{wrong}"))


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
    assert settings.results == Results(folder=str(tmp_path / "r"))
    assert settings.thresholds.cycles == 5


def test_results_are_a_folder_or_a_table_with_limits(tmp_path: Path) -> None:
    file = tmp_path / "vexlab.toml"
    file.write_text('[results]\nfolder = "r"\nkeep_days = 90\nkeep_runs = 20\n')
    assert load_settings(file).results == Results(folder=str(tmp_path / "r"), keep_days=90, keep_runs=20)
    file.write_text("[results]\nkeep_day = 90\n")
    with pytest.raises(UsageError) as caught:
        load_settings(file)
    assert "did you mean `keep_days`" in caught.value.hint
    file.write_text("[results]\nkeep_runs = -1\n")
    with pytest.raises(UsageError, match="cannot be kept"):
        load_settings(file)


def test_the_sandbox_of_builds_is_one_of_three(tmp_path: Path) -> None:
    file = tmp_path / "vexlab.toml"
    file.write_text('sandbox = "require"\n')
    assert load_settings(file).sandbox == "require"
    file.write_text('sandbox = "never"\n')
    with pytest.raises(UsageError, match="never"):
        load_settings(file)


def test_settings_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_binary_file_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_toml(tmp_path / "x.toml", Settings)


def test_suggest_lists_when_nothing_is_near() -> None:
    assert suggest("zzzz", ["b", "a"]) == "known: a, b"
