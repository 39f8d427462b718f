"""Which warnings of a build are shown: those about the target's own files, once each."""

from __future__ import annotations

from pathlib import Path

from vexlab.targets.build import compiler_warnings

LOG = """\
make: Entering directory '<kernel>'
  CC [M]  x.o
In file included from x.c:1:
x.h:3:5: warning: 'old' is deprecated [-Wdeprecated-declarations]
x.h:3:5: warning: 'old' is deprecated [-Wdeprecated-declarations]
./include/linux/fs.h:3001:12: warning: unused parameter 'inode' [-Wunused-parameter]
./include/linux/fs.h:3002:12: warning: unused parameter 'inode' [-Wunused-parameter]
./include/linux/fs.h:3002:12: warning: unused parameter 'inode' [-Wunused-parameter]
/usr/include/stdio.h:1:1: warning: something in x.c [-Wsomething]
../include/shared.h:7:1: warning: shared by module and tools [-Wsomething]
sub/y.c:10:5: warning: unused variable 'y' [-Wunused-variable]
x.o: warning: objtool: f()+0x12: unreachable instruction
/usr/bin/ld: warning: x.o: missing .note.GNU-stack section implies executable stack
WARNING: modpost: missing MODULE_LICENSE() in x.o
WARNING: modpost: x: section mismatch in reference: f (section: .text) -> g (section: .init.text)
WARNING: Symbol version dump "Module.symvers" is missing.
make[1]: warning: Clock skew detected. Your build may be incomplete.
warning: the compiler differs from the one used to build the kernel
"""


def test_own_warnings_once_and_a_count_for_the_rest(tmp_path: Path) -> None:
    for name in ("source/x.c", "source/x.h", "source/x.o", "source/sub/y.c", "include/shared.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    own, foreign = compiler_warnings(LOG, tmp_path)
    assert own == (
        "x.h:3:5: warning: 'old' is deprecated [-Wdeprecated-declarations]",
        "../include/shared.h:7:1: warning: shared by module and tools [-Wsomething]",
        "sub/y.c:10:5: warning: unused variable 'y' [-Wunused-variable]",
        "x.o: warning: objtool: f()+0x12: unreachable instruction",
        "/usr/bin/ld: warning: x.o: missing .note.GNU-stack section implies executable stack",
        "WARNING: modpost: missing MODULE_LICENSE() in x.o",
        "WARNING: modpost: x: section mismatch in reference: f (section: .text) -> g (section: .init.text)",
    )
    assert foreign == 6
