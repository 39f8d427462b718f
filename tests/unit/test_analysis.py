"""Static analysis: what analysers print is read, known remarks are counted by file, layouts are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.errors import BuildError, UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.target import Target
from vexlab.targets import checks
from vexlab.targets.analysers import ANALYSERS, BY_NAME, Analyser, AnalysisInputs, lacking, patches
from vexlab.targets.layout import judge, parse_structures
from vexlab.targets.load import load_target
from vexlab.targets.modinfo import faults, information, needs, undeclared
from vexlab.targets.programs import Program
from vexlab.targets.remarks import KnownRemark, Remark, baseline_text, known_remarks, new_remarks, own, parse

WIDE = """\
/* Used at: x.c */
/* <332> interface/0/x.h:2 */
struct bad {
	__u32                      a;                    /*     0     4 */

	/* XXX 4 bytes hole, try to pack */

	__u64                      b;                    /*     8     8 */
	char                       c[3];                 /*    16     3 */
	int                        (*call)(int);         /*    24     8 */

	/* size: 32, cachelines: 1, members: 3 */
	/* padding: 5 */
};
/* Used at: x.c */
/* <3eb> /usr/include/linux/y.h:4 */
struct others {
	void *                     p;                    /*     0     8 */

	/* size: 8, cachelines: 1, members: 1 */
};
/* Used at: x.c */
/* <41b> interface/0/x.h:9 */
struct good {
	__u64                      a;                    /*     0     8 */

	/* size: 8, cachelines: 1, members: 1 */
};
"""
NARROW = WIDE.replace("\n\t/* XXX 4 bytes hole, try to pack */\n", "").replace(
    "b;                    /*     8 ", "b;                    /*     4 "
)
BY_WORDS = "warning: incorrect type in argument 1 (different address spaces)"


def _remark(line: int, words: str = BY_WORDS, file: str = "a.c") -> Remark:
    return Remark(file=file, line=line, by="sparse", words=words)


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        ("balloc.c:10:5: warning: unused variable 'x' [-Wunused-variable]", ("balloc.c", 10), "warning: unused"),
        ("super.c:12: WARNING:MEMORY_BARRIER: memory barrier without comment", ("super.c", 12), "WARNING:MEMORY"),
        ("./map.c:48:2-7: WARNING: NULL check is not needed. [ifnullfree]", ("map.c", 48), "WARNING: NULL"),
        ("sub/file.c:9 f() error: dereferencing freed memory 'p'", ("sub/file.c", 9), "f() error: deref"),
        ("a.c:3:1: error: Expected ; at end of declaration", ("a.c", 3), "error: Expected"),
        ("WARNING: modpost: missing MODULE_LICENSE() in x.o", ("module", 0), "WARNING: modpost"),
        ("x.o: warning: objtool: f()+0x12: unreachable instruction", ("module", 0), "x.o: warning: objtool"),
    ],
)
def test_a_remark_of_every_analyser_is_read(line: str, place: tuple[str, int], words: str) -> None:
    found = parse("one", f"  CC [M]  balloc.o\n{line}\n{line}\n   10 |  int x;\n")
    assert [(each.file, each.line) for each in found] == [place]
    assert found[0].words.startswith(words)


def test_what_continues_a_remark_is_none() -> None:
    text = "In file included from a.c:3:\na.c:10:5: note: declared here\na.c: In function 'f':\n"
    assert not parse("gcc", text)


def test_hostile_output_is_bounded_and_harmless() -> None:
    text = "".join(f"a.c:{number}: warning: \x1b[2J{'x' * 10_000}\n" for number in range(5000))
    found = parse("gcc", text)
    assert len(found) == 2000
    assert all(len(each.words) <= 400 and "\x1b" not in each.words for each in found)


def test_only_the_targets_own_files_count(tmp_path: Path) -> None:
    (tmp_path / "a.c").touch()
    kept = own([_remark(1), _remark(2, file="include/linux/fs.h"), _remark(0, file="module")], tmp_path)
    assert [each.file for each in kept] == ["a.c", "module"]


def test_one_remark_more_than_known_is_new_wherever_the_lines_went() -> None:
    known = [KnownRemark(by="sparse", file="a.c", words=BY_WORDS, count=2)]
    assert not new_remarks([_remark(11), _remark(40)], known)
    assert new_remarks([_remark(11), _remark(40), _remark(50)], known) == (_remark(50),)
    assert new_remarks([_remark(1, file="b.c")], known), "what is known of one file hides nothing in another"
    assert not new_remarks(
        [_remark(1, "frame of 1040 bytes")], [KnownRemark(by="sparse", file="a.c", words="frame of 96 bytes")]
    )


def test_a_baseline_is_written_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "remarks.toml"
    found = [_remark(1, 'say "x" \\ é'), _remark(2), _remark(3)]
    before = [KnownRemark(by="sparse", file="a.c", words=BY_WORDS, why="address of a structure, not of a user")]
    kept = [KnownRemark(by="smatch", file="a.c", words="w", count=3)]
    file.write_text(baseline_text(found, before, kept))
    known = known_remarks(file)
    assert not new_remarks(found, known)
    assert {each.why for each in known if each.words == BY_WORDS} == {before[0].why}
    assert [each.count for each in known if each.by == "smatch"] == [3]
    assert not known_remarks(tmp_path / "none.toml")
    file.write_text("[[remark]]\nfiel = 'a.c'\n")
    with pytest.raises(UsageError, match="fiel"):
        known_remarks(file)


def test_layouts_that_differ_and_holes_are_told() -> None:
    wide, narrow = parse_structures(WIDE), parse_structures(NARROW)
    assert wide[0].members == {"a": (0, 4), "b": (8, 8), "c": (16, 3), "call": (24, 8)}
    words = [str(each) for each in judge(wide, narrow, "interface")]
    assert words == [
        "0/x.h:2: struct bad: `b` is 8 bytes at 8 for 64 bits, 8 bytes at 4 for 32",
        "0/x.h:2: struct bad: 4 bytes of hole behind `a`",
        "0/x.h:2: struct bad: 5 bytes of padding at its end",
    ]


def test_what_only_64_bits_have_is_told() -> None:
    assert "is there for 64 bits only" in str(judge(parse_structures(WIDE), (), "interface")[0])


def test_a_module_that_says_nothing_of_itself_has_three_faults() -> None:
    image = b"\x7fELF\0vermagic=6.1.0-1 SMP\0alias=fs-x\0alias=y\0license=GPL\0"
    assert information(image)["alias"] == ("fs-x", "y")
    assert not faults(image, fstype="x", release="6.1.0-1")
    assert len(faults(b"\x7fELF\0", fstype="x", release="6.1.0-1")) == 3
    assert "taints" in faults(image.replace(b"GPL", b"Mine"), fstype="x", release="6.1.0-1")[0]


def _desk(tmp_path: Path, program: Program | None, *, scripts: Path | None = None) -> AnalysisInputs:
    source = tmp_path / "src"
    source.mkdir(exist_ok=True)
    (source / "a.c").touch()
    target = Target(name="x", fstype="x", module="x", file=tmp_path / "target.toml", source=source)
    file = tmp_path / "f"
    kernel = Kernel(name="6.1", release="6.1.0-1", version="1", image=file, modules=file, config=file)
    (tmp_path / "headers").mkdir(exist_ok=True)
    return AnalysisInputs(
        target=target,
        kernel=kernel,
        headers=lambda: tmp_path / "headers",
        cache=Cache(tmp_path / "cache"),
        scripts=scripts,
        program=lambda name: program,
        sandboxing="off",
    )


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    inputs = _desk(tmp_path, None)
    assert "sparse is not installed" in lacking(BY_NAME["sparse"], inputs)
    there = _desk(tmp_path, Program(path=Path("/bin/true")))
    assert "scripts/checkpatch.pl" in lacking(BY_NAME["checkpatch"], there)
    assert "uapi" in lacking(BY_NAME["layout"], there)
    assert not lacking(BY_NAME["W1"], there)
    checked, remarks = checks.analysed(BY_NAME["sparse"], inputs, ())
    assert (checked.ok, remarks) == (None, ())
    assert checked.words.startswith("sparse is not installed")


def test_new_remarks_fail_known_ones_do_not_and_nothing_is_looked_at_twice(tmp_path: Path) -> None:
    runs = []

    def run(inputs: AnalysisInputs, place: object, program: Program | None) -> str:
        runs.append(1)
        return "a.c:1: warning: one\na.c:2: warning: two\n"

    analyser = Analyser(name="one", about="", run=run, read=lambda text, source: own(parse("one", text), source))
    inputs = _desk(tmp_path, None)
    known = [KnownRemark(by="one", file="a.c", words="warning: one")]
    checked, remarks = checks.analysed(analyser, inputs, known)
    assert (checked.ok, checked.details, len(remarks)) == (False, ("a.c:2: warning: two",), 2)
    known.append(KnownRemark(by="one", file="a.c", words="warning: two"))
    checked, _ = checks.analysed(analyser, inputs, known)
    assert (checked.ok, checked.words) == (True, "0 remarks, 2 known")
    assert len(runs) == 1
    (tmp_path / "src" / "a.c").write_text("int changed;\n")
    checks.analysed(analyser, inputs, known)
    assert len(runs) == 2


def test_an_analyser_that_cannot_run_is_a_failure_with_its_words(tmp_path: Path) -> None:
    def run(inputs: AnalysisInputs, place: object, program: Program | None) -> str:
        raise BuildError("x cannot be looked at", log="no rule to make target\n")

    analyser = Analyser(name="one", about="", run=run, read=lambda text, source: ())
    checked, _ = checks.analysed(analyser, _desk(tmp_path, None), ())
    assert (checked.ok, checked.details) == (False, ("no rule to make target",))


def test_semantic_patches_that_only_patch_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "coccinelle" / "free"
    folder.mkdir(parents=True)
    (folder / "a.cocci").write_text("// Options: --no-includes --include-headers\nvirtual report\n")
    (folder / "b.cocci").write_text("virtual patch\n")
    assert list(patches(tmp_path)) == [(folder / "a.cocci", ("--no-includes", "--include-headers"))]


def test_the_interface_is_headers_of_the_target(tmp_path: Path) -> None:
    (tmp_path / "x.h").touch()
    file = tmp_path / "target.toml"
    file.write_text('name = "x"\nfstype = "x"\nuapi = ["x.h"]\n')
    assert load_target(file).uapi == (tmp_path / "x.h",)
    file.write_text('name = "x"\nfstype = "x"\nuapi = ["../y.h"]\n')
    with pytest.raises(UsageError, match="does not exist"):
        load_target(file)


def test_names_of_analysers_are_what_their_remarks_are_by() -> None:
    text = "a.c:1: warning: x\n" + WIDE.replace("interface/0/x.h", "interface/0/a.h")
    for each in ANALYSERS:
        assert {remark.by for remark in each.read(text, Path("/nowhere"))} <= {each.name}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (b"depends=\0softdep=post: zstd", set()),
        (b"depends=jbd2,crc32c-generic", {"jbd2", "crc32c_generic"}),
        (b"depends=jbd2\0softdep=pre: crc32c lz4 post: zstd", {"jbd2", "crc32c", "lz4"}),
        (b"softdep=post: zstd pre: crc32c\0softdep=pre: lz4", {"crc32c", "lz4"}),
    ],
)
def test_a_module_says_what_it_needs_loaded_before(said: bytes, wanted: set[str]) -> None:
    assert needs(b"\0license=GPL\0" + said + b"\0") == wanted


def test_what_a_target_declares_needs_no_more_asking() -> None:
    image = b"\0depends=jbd2,crc32c-generic\0"
    assert undeclared(image, ("jbd2", "crc32c-generic")) == undeclared(image, ("crc32c_generic", "jbd2")) == set()
    assert undeclared(image, ("jbd2",)) == {"crc32c_generic"}
