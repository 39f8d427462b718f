"""What goes into the guest: by content, with the libraries of programs, and nothing that is broken."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.errors import UsageError
from vexlab.suites.adapter import Payload
from vexlab.suites.payload import libraries_of, pack


def _list(image: Path) -> set[str]:
    told = subprocess.run(["unsquashfs", "-l", "-d", "", str(image)], capture_output=True, text=True, check=True)
    return {line for line in told.stdout.splitlines() if line.startswith("/")}


def test_programs_come_with_their_libraries(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to("nowhere")
    (tree / "file").write_text("x")
    payload = Payload(files={"a.sh": tree / "file"}, programs={"ls": Path("/bin/ls")}, trees={"tree": tree})
    cache = Cache(tmp_path / "cache")
    image = pack(payload, cache)
    there = _list(image)
    assert {"/launch", "/a.sh", "/bin/ls", "/tree/file", "/tree/link", "/lib/libc.so.6"} <= there
    assert any(name.startswith("/lib/ld-linux") for name in there)
    assert pack(payload, cache) == image
    (tree / "file").write_text("y")
    assert pack(payload, cache) != image


def test_the_history_of_a_tree_stays_out(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / ".git" / "objects").mkdir(parents=True)
    (tree / ".git" / "objects" / "pack").write_text("x")
    (tree / "file").write_text("x")
    cache = Cache(tmp_path / "cache")
    image = pack(Payload(trees={"tree": tree}), cache)
    assert {name for name in _list(image) if name.startswith("/tree/")} == {"/tree/file"}
    (tree / ".git" / "objects" / "pack").write_text("y")
    assert pack(Payload(trees={"tree": tree}), cache) == image


def test_what_cannot_run_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("no program")
    with pytest.raises(UsageError, match="is no program that can be run"):
        libraries_of(script)
    with pytest.raises(UsageError, match="is no folder"):
        pack(Payload(trees={"tree": script}), Cache(tmp_path / "cache"))
    with pytest.raises(UsageError, match="does not exist"):
        pack(Payload(files={"a": tmp_path / "none"}), Cache(tmp_path / "cache"))


def test_libraries_that_are_missing_are_named(tmp_path: Path) -> None:
    compiler = shutil.which("gcc-12") or shutil.which("gcc")
    assert compiler
    source = tmp_path / "a.c"
    source.write_text("int f(void) { return 0; }\n")
    library = tmp_path / "libgone.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    main = tmp_path / "main.c"
    main.write_text("int f(void); int main(void) { return f(); }\n")
    program = tmp_path / "main"
    subprocess.run([compiler, "-o", program, main, f"-L{tmp_path}", "-lgone"], check=True)
    library.unlink()
    with pytest.raises(UsageError, match=r"lacks libraries: libgone\.so"):
        libraries_of(program)
    static = tmp_path / "static"
    main.write_text("int main(void) { return 0; }\n")
    subprocess.run([compiler, "-static", "-o", static, main], check=True)
    assert libraries_of(static) == ()
