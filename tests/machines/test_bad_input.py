"""What can go wrong on the way to a machine is explained, with the right exit status, and loses nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machines.conftest import PLANTED
from vexlab.config import cache_dir

pytestmark = pytest.mark.machine

SOURCE = 'name = "x"\nfstype = "x"\nsource = "src"\n'


def _vexlab(*argv: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", *argv]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}, timeout=300
    )
    assert "Traceback" not in done.stderr
    return done


def _source(folder: Path, code: str, *, makefile: str = "obj-m := x.o\n") -> None:
    (folder / "src").mkdir()
    (folder / "target.toml").write_text(SOURCE)
    (folder / "src" / "Kbuild").write_text(makefile)
    (folder / "src" / "x.c").write_text(code)


def test_source_that_does_not_compile_is_the_module_s_fault(tmp_path: Path) -> None:
    _source(tmp_path, "#include <linux/module.h>\nint x = undeclared;\n")
    built = _vexlab("build", "--target", ".", cwd=tmp_path)
    assert built.returncode == 1
    assert "x.c:2" in built.stderr
    assert "undeclared" in built.stderr
    run = _vexlab("run", "--no-probe", "--target", ".", "--case", "kernel_module.load", cwd=tmp_path)
    assert run.returncode == 1
    assert "undeclared" in run.stderr


def test_warnings_are_shown(tmp_path: Path) -> None:
    code = '#include <linux/module.h>\nstatic int unused;\nMODULE_LICENSE("GPL");\n'
    _source(tmp_path, code, makefile="obj-m := x.o\nccflags-y := -Wunused-variable\n")
    built = _vexlab("build", "--target", ".", cwd=tmp_path)
    assert built.returncode == 0
    assert "warning" in built.stderr
    assert "1 warnings" in built.stdout


def test_warnings_of_the_kernel_s_headers_are_only_counted(tmp_path: Path) -> None:
    code = '#include <linux/fs.h>\n#include <linux/module.h>\nstatic int unused;\nMODULE_LICENSE("GPL");\n'
    _source(tmp_path, code, makefile="obj-m := x.o\nccflags-y := -Wunused-variable -Wunused-parameter\n")
    built = _vexlab("build", "--target", ".", cwd=tmp_path)
    assert built.returncode == 0
    assert [line for line in built.stderr.splitlines() if "warning" in line] == [
        "x.c:3:12: warning: 'unused' defined but not used [-Wunused-variable]"
    ]
    count = re.search(r"1 warnings, (\d+) more of other headers", built.stdout)
    assert count, built.stdout
    assert int(count[1]) > 10


def test_a_module_of_another_name(tmp_path: Path) -> None:
    _source(tmp_path, '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n')
    (tmp_path / "target.toml").write_text(SOURCE + 'module = "y"\n')
    built = _vexlab("build", "--target", ".", cwd=tmp_path)
    assert built.returncode == 2
    assert "made: x.ko" in built.stderr


def test_a_missing_compiler_is_the_lab_s_fault(tmp_path: Path) -> None:
    _source(tmp_path, '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n')
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("qemu-system-x86_64", "sh", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    # `find` looks into the system folders too, but a compiler never lies in sbin
    built = _vexlab("build", "--target", ".", cwd=tmp_path, PATH=str(programs))
    assert built.returncode == 3
    assert "compiler" in built.stderr
    assert "doctor" in built.stderr


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    made: list[bytes] = []
    for place in ("a", "somewhere/else"):
        folder = tmp_path / place
        shutil.copytree(PLANTED, folder)
        work = tmp_path / f"work-{len(made)}"
        work.mkdir()
        cache = _cache_with_kernels(work)
        done = _vexlab(
            "build", "--target", str(folder), "-o", str(folder / "out"), cwd=tmp_path, VEXLAB_CACHE=str(cache)
        )
        assert done.returncode == 0, done.stderr
        made.append((folder / "out" / "6.1" / "planted.ko").read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


def test_a_module_for_another_kernel(tmp_path: Path) -> None:
    built = _vexlab("build", "--target", str(PLANTED), "--kernel", "6.12", "-o", "out", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    module = str(tmp_path / "out" / "6.12" / "planted.ko")
    run = _vexlab(
        "run", "--no-probe", "--target", str(PLANTED), "--kernel", "6.1", "--artifact", module,
        "--case", "kernel_module.load",
        "--case", "kernel_module.build", cwd=tmp_path,
    )  # fmt: skip
    assert run.returncode == 1
    assert "made for 6.12" in run.stderr
    assert "the module does not load" in run.stderr


def test_an_unreachable_registry(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/debian"
    run = _vexlab(
        "kernels", "fetch", "6.1", cwd=tmp_path, VEXLAB_CACHE=str(tmp_path / "c"), VEXLAB_DEBIAN_MIRROR=nowhere,
    )  # fmt: skip
    assert run.returncode == 3
    assert "mirror" in run.stderr


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = _vexlab("run", "--no-probe", "--target", "xfs", cwd=tmp_path, VEXLAB_CACHE=str(tmp_path / "file" / "cache"))
    assert run.returncode == 3
    assert "VEXLAB_CACHE" in run.stderr


def test_a_full_disk(tmp_path: Path) -> None:
    # A limit on the size of files fails a write as a full disk does, without filling anybody's disk.
    script = f"ulimit -f 40; exec {sys.executable} -m vexlab build --target {PLANTED}"
    done = subprocess.run(
        ["sh", "-c", script], check=False, capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env={**os.environ, "VEXLAB_CACHE": str(_cache_with_kernels(tmp_path))},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.returncode == 3, done.stderr


def _cache_with_kernels(tmp_path: Path) -> Path:
    cache = tmp_path / "cache"
    cache.mkdir()
    for kind in ("kernels", "headers"):
        (cache_dir() / kind).mkdir(parents=True, exist_ok=True)  # a machine's first run finds an empty cache
        (cache / kind).symlink_to(cache_dir() / kind)
    return cache


def test_a_report_that_cannot_be_written_is_kept_elsewhere(tmp_path: Path) -> None:
    run = _vexlab(
        "run",
        "--no-probe",
        "--target",
        str(PLANTED),
        "--case",
        "kernel_module.build",
        "--json",
        "/dev/full",
        cwd=tmp_path,
    )
    assert run.returncode == 2
    assert "it is kept in" in run.stderr
    assert list(tmp_path.glob("vexlab-results/*/result.json"))


def test_a_broken_test_file_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("def test_x(:\n")
    run = _vexlab("run", "--no-probe", "--target", str(PLANTED), str(tmp_path / "test_broken.py"), cwd=tmp_path)
    assert run.returncode == 2
    assert "test_broken.py" in run.stderr


def test_nothing_ran_is_no_pass(tmp_path: Path) -> None:
    run = _vexlab("run", "--no-probe", "--target", str(PLANTED), "--case", "kernel_module.no_such_case", cwd=tmp_path)
    assert run.returncode == 4


def test_a_kernel_without_the_target_is_an_error(tmp_path: Path) -> None:
    run = _vexlab("run", "--target", "minix", "--kernel", "6.1", "--level", "1", "--quick", cwd=tmp_path)
    assert run.returncode == 2
    assert "kernel 6.1 has no module minix" in run.stderr
    assert not list((tmp_path / "vexlab-results").glob("*/cases/*")), "no case was begun"
