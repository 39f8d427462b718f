"""What fetches the arguments of a function, from debug information that a compiler has written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vexlab.trace.errno import parse_returns, with_arguments

pytest.importorskip("drgn", reason="the extra vexlab[debug] is not installed")
from vexlab.trace.arguments import fetches

SOURCE = """
typedef unsigned char u8;
struct qstr { long hash; const unsigned char *name; };
struct dentry { long flags; struct qstr d_name; };
struct path { void *mnt; struct dentry *dentry; };
struct file { long mode; struct path f_path; };
struct inode { int mode; unsigned long i_ino; };
struct pair { long one, two; };
enum how { SLOW, FAST };
int rename_it(struct dentry *from, const struct inode *dir, u8 kind, enum how how, const char *name, void *data,
              short seventh, unsigned long eighth)
{
    return from && dir && kind && how && name && data && seventh && eighth;
}
int read_it(struct file *file, struct pair pair, int) { return file && pair.one; }
int nothing(void) { return 1; }
struct big { long a, b, c; };
struct big returns(int x) { struct big big = { x }; return big; }
enum unknown;
int incomplete(enum unknown *it) { return it != 0; }
int wide(__int128 it, int other) { return it && other; }
"""


def test_each_argument_is_fetched_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "m.c").write_text(SOURCE)
    words: list[str | Path] = [
        "gcc",
        "-std=gnu2x",
        "-g",
        "-O0",
        "-mcmodel=kernel",
        "-fno-pic",
        "-c",
        "-o",
        tmp_path / "m.o",
    ]
    subprocess.run([*words, tmp_path / "m.c"], check=True, timeout=60)
    found = fetches(
        tmp_path / "m.o", ["rename_it", "read_it", "nothing", "rename_it.isra.0", "returns", "incomplete", "wide", "x"]
    )
    assert set(found) == {"rename_it", "read_it", "incomplete"}
    assert found["incomplete"] == "a_it=%di:x64"
    assert found["rename_it"].split() == [
        "a_from=+0(+16(%di)):string", "a_dir=+8(%si):u64", "a_kind=%dx:u8", "a_how=%cx:u32", "a_name=+0(%r8):string",
        "a_data=%r9:x64", "a_seventh=$stack1:s16", "a_eighth=$stack2:u64",
    ]  # fmt: skip
    assert found["read_it"] == "a_file=+0(+16(+16(%di))):string", "what is passed by value is left out"


def test_a_file_without_debug_information_has_no_arguments(tmp_path: Path) -> None:
    (tmp_path / "m.o").write_bytes(b"no object")
    assert fetches(tmp_path / "m.o", ["rename_it"]) == {}


def test_a_return_belongs_to_the_last_call_of_its_function_by_its_task() -> None:
    functions = ("vexfs_link", "vexfs_add")
    ways = parse_returns(
        """
   ln-9  [000] d.... 2.000004: r1: (vexfs_link+0x6d/0x1f0 [vexfs] <- vexfs_add) ret=-17
   ln-9  [000] d.... 2.000005: r0: (vfs_link+0x9c/0x150 <- vexfs_link) ret=-17
""",
        17,
        functions,
    )
    calls = """
   ln-9  [000] d.... 1.000001: e0: (vexfs_link+0x0/0x1f0 [vexfs]) a_old="earlier"
   ln-9  [000] d.... 2.000001: e0: (vexfs_link+0x0/0x1f0 [vexfs]) a_old="one" a_new="x a_=y" a_dir=(fault)
   ln-8  [000] d.... 2.000002: e0: (vexfs_link+0x0/0x1f0 [vexfs]) a_old="of another task"
   ln-9  [000] d.... 2.000009: e0: (vexfs_link+0x0/0x1f0 [vexfs]) a_old="later"
   ln-9  [000] d.... 2.000001: e77: (x) a_old="no function"
"""
    (way,) = with_arguments(ways, calls, functions)
    assert [each.arguments for each in way.returns] == ["", 'old="one", new="x a_=y", dir=(fault)']
