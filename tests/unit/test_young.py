"""VexFS without capabilities and with broken ones: every word is known, described, and used where it says."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from vexlab.cli.selfcheck import source_folders
from vexlab.selfcheck.defects import Defect, load_defects
from vexlab.targets.load import load_target

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
MODULE = VEXFS / "module"
YOUNG = sorted((VEXFS / "young").glob("*.toml"))
CLEAN = {"first_week", "teaching", "read_mostly", "flat_store", "second_month"}
TOOLS_ONLY = {"no_fsck"}
DEFECTS = {defect.name: defect for defect in load_defects(VEXFS / "defects.toml")}
FUZZ = {defect.name: defect for defect in load_defects(VEXFS / "fuzz.toml")}
SLOW = {defect.name: defect for defect in load_defects(VEXFS / "slow.toml")}
BROKEN = {defect.name: defect for defect in load_defects(VEXFS / "broken.toml")}
PAIRS = tomllib.loads((VEXFS / "pairs.toml").read_text())["pair"]

# VEXFS_YOUNG(no_link) ? NULL : vexfs_link
_ASKED_YOUNG = re.compile(r"VEXFS_YOUNG\((\w+)\)")
# if (VEXFS_DEFECT(symlink_oops))
_ASKED_DEFECT = re.compile(r"VEXFS_DEFECT\((\w+)\)")
# | `no_link` | link(2) | EPERM | VFS |
_DESCRIBED = re.compile(r"^\| `(\w+)` \| [^|]+ \| [^|]*\| [^|]+ \|$", re.MULTILINE)
# "file.c: vexfs_open(), vexfs_aops"
_PLACE = re.compile(r"\b(?:vexfs_)\w+")
# "no such capability: nonsense"
_UNKNOWN = re.compile(r"no such (\w+): (.+?)\.  Stop")


def _asked(pattern: re.Pattern[str]) -> set[str]:
    sources = [file for file in MODULE.glob("*.[ch]") if file.name not in {"young.h", "defect.h"}]
    return {word for file in sources for word in pattern.findall(file.read_text())}


def _words(file: Path, variable: str) -> list[str]:
    given = [argument for argument in load_target(file).build.args if argument.startswith(f"{variable}=")]
    assert len(given) <= 1, f"{file.name}: make takes the last {variable} only"
    return given[0].partition("=")[2].split(",") if given else []


def _make(*words: str) -> subprocess.CompletedProcess[str]:
    """Read the module's Kbuild without a kernel, and print the compiler's flags."""
    show = "show: ; @echo $(ccflags-y)"
    command = ["make", "-s", "-f", "Kbuild", f"src={MODULE}", "--eval", show, "show", *words]
    return subprocess.run(command, cwd=MODULE, capture_output=True, text=True, check=False, timeout=60)


def test_every_word_is_described() -> None:
    _, _, section = (VEXFS / "README.md").read_text().partition("## Young builds\n")
    table = section.partition("`young/*.toml`")[0]
    assert set(_DESCRIBED.findall(table)) == _asked(_ASKED_YOUNG) | TOOLS_ONLY


def test_every_defect_is_in_one_catalogue() -> None:
    every = [*DEFECTS, *BROKEN, *FUZZ, *SLOW]
    assert len(set(every)) == len(every)
    assert _asked(_ASKED_DEFECT) == set(every)


def test_kbuild_knows_the_words() -> None:
    every = sorted(_asked(_ASKED_YOUNG) | TOOLS_ONLY)
    made = _make(f"YOUNG={','.join(every)}", f"DEFECT={','.join(BROKEN)}")
    assert made.returncode == 0, made.stderr
    flags = {flag for flag in made.stdout.split() if flag.startswith("-DVEXFS_")}
    assert flags == {
        *(f"-DVEXFS_YOUNG_{word}=1" for word in every if word not in TOOLS_ONLY),
        *(f"-DVEXFS_DEFECT_{word}=1" for word in BROKEN),
    }
    clean = _make()
    assert clean.returncode == 0, clean.stderr
    assert "-DVEXFS_" not in clean.stdout


@pytest.mark.parametrize(
    ("words", "kind", "named"),
    [
        (("YOUNG=no_link,nonsense",), "capability", "nonsense"),
        (("YOUNG=no_lin,no_links",), "capability", "no_lin no_links"),
        (("YOUNG=symlink_oops",), "capability", "symlink_oops"),
        (("YOUNG=word",), "capability", "word"),
        (("DEFECT=no_link",), "defect", "no_link"),
        (("DEFECT=name",), "defect", "name"),
    ],
)
def test_kbuild_refuses_what_it_does_not_know(words: tuple[str, ...], kind: str, named: str) -> None:
    made = _make(*words)
    assert made.returncode == 2
    assert _UNKNOWN.findall(made.stderr) == [(kind, named)]


@pytest.mark.parametrize("file", YOUNG, ids=lambda file: file.stem)
def test_young_targets(file: Path) -> None:
    target = load_target(file)
    young = _words(file, "YOUNG")
    assert set(young) <= _asked(_ASKED_YOUNG) | TOOLS_ONLY
    assert len(set(young)) == len(young) >= 6
    assert target.refuses == (), "a first run has no declarations"
    assert target.name == f"vexfs-{file.stem.replace('_', '-')}"
    assert bool(target.fsck) == ("no_fsck" not in young)
    programs = {command[0] for command in (target.mkfs, target.fsck, target.fields) if command}
    assert {output for tool in target.tools for output in tool.outputs} == programs


def test_a_selfcheck_notices_changes_of_their_sources() -> None:
    folders = [folder.resolve() for folder in source_folders(load_target(VEXFS / "young" / "teaching.toml"))]
    assert folders == [VEXFS / "young", MODULE, VEXFS / "tools"]
    assert source_folders(load_target(VEXFS / "target.toml")) == (VEXFS,)


def test_clean_young_targets_have_no_defects() -> None:
    assert {file.stem for file in YOUNG} == CLEAN | {"five", "twelve"}
    assert {file.stem for file in YOUNG if not _words(file, "DEFECT")} == CLEAN


@pytest.mark.parametrize(("name", "count"), [("five", 5), ("twelve", 12)])
def test_many_defects_at_once(name: str, count: int) -> None:
    file = VEXFS / "young" / f"{name}.toml"
    defects = [DEFECTS[word] for word in _words(file, "DEFECT")]
    assert len({defect.kind for defect in defects}) == len(defects) == count
    said = " ".join(line.removeprefix("# ") for line in file.read_text().splitlines() if line.startswith("# "))
    assert [f"{defect.name} ({defect.kind})" for defect in defects] == re.findall(r"\w+ \([\w ]+\)", said)
    assert all("vec" not in defect.where for defect in defects), "it has no ioctl to reach vectors by"


def _places(defect: Defect) -> set[str]:
    return set(_PLACE.findall(defect.where))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['broken']}-{pair['defect']}")
def test_pairs(pair: dict[str, str]) -> None:
    broken, defect = BROKEN[pair["broken"]], DEFECTS[pair["defect"]]
    assert broken.kind != defect.kind
    assert _places(broken)
    assert not _places(broken) & _places(defect)
    assert "distro" in defect.flavour
    assert pair["way"]


def test_eighteen_pairs_of_different_kinds() -> None:
    assert len({pair["broken"] for pair in PAIRS}) == len({pair["defect"] for pair in PAIRS}) == len(PAIRS) == 18
    assert {pair["broken"] for pair in PAIRS} == set(BROKEN)
    assert len({defect.kind for defect in BROKEN.values()}) >= 9


def _named_places(where: str) -> list[tuple[str, str]]:
    """Return file and name of each place; a place without a file is in the one before's."""
    named: list[tuple[str, str]] = []
    for part in where.split(", "):
        file, _, place = part.rpartition(": ")
        named.append((file or named[-1][0], place.removesuffix("()")))
    return named


def _defines(text: str, name: str) -> bool:
    """Whether a function of that name has its body in ``text``, or a table its lines."""
    return bool(re.search(rf"^[^\s#/*].*?\b{name}(?:\([^;{{}}]*\)\s*| = ){{", text, re.MULTILINE))


@pytest.mark.parametrize(
    "defect",
    [each for table in (DEFECTS, BROKEN, FUZZ, SLOW) for each in table.values()],
    ids=lambda defect: defect.name,
)
def test_a_defect_stands_where_it_says(defect: Defect) -> None:
    places = _named_places(defect.where)
    texts = {file: (MODULE / file).read_text() for file, _ in places}
    for file, name in places:
        assert _defines(texts[file], name), f"{name} is not in {file}"
    assert any(re.search(rf"VEXFS_DEFECT[(_]{defect.name}\b", text) for text in texts.values())
