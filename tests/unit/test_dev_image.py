"""The guest image ``dev``: its files, and what its commands find in a source tree."""

from __future__ import annotations

import dataclasses
import importlib.util
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vexlab.images import builder
from vexlab.images.recipe import DEV, RecipeFile, find_recipe

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src" / "vexlab" / "images" / "dev"
VEXFS = ROOT / "targets" / "vexfs"
# Packages with the programs that the documents of the old scripts name.
NAMED = ("gdb", "strace", "linux-perf", "trace-cmd", "valgrind", "fio", "stress-ng", "make", "gcc", "g++", "cargo")


def _load() -> ModuleType:
    """Return facts.py, which is a program of the guest's and in no package."""
    spec = importlib.util.spec_from_file_location("facts", FOLDER / "facts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


facts = _load()


def _tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_toml", ".toml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_the_image_has_what_the_documents_name() -> None:
    recipe = find_recipe(DEV)
    assert {*NAMED, "rustc", "rustfmt", "rust-clippy", "xfsprogs", "e2fsprogs"} <= set(recipe.packages)
    assert all(file.path.startswith("usr/local/bin/") for file in recipe.files if file.executable)


def test_the_image_is_the_same_from_every_checkout(tmp_path: Path) -> None:
    recipe = find_recipe(DEV)
    moved = []
    for file in recipe.files:
        copy = tmp_path / Path(file.source).name
        shutil.copyfile(file.source, copy)
        moved.append(dataclasses.replace(file, source=str(copy)))
    assert builder._digest_of(recipe) == builder._digest_of(dataclasses.replace(recipe, files=tuple(moved)))
    (tmp_path / "kbuild").write_text("other")
    assert builder._digest_of(recipe) != builder._digest_of(dataclasses.replace(recipe, files=tuple(moved)))


def test_a_recipe_without_files_is_unchanged_by_that() -> None:
    recipe = find_recipe("base")
    assert recipe.files == ()
    one = dataclasses.replace(recipe, files=(RecipeFile(path="a", source="/x/f"),))
    two = dataclasses.replace(recipe, files=(RecipeFile(path="b", source="/x/f"),))
    assert builder._digest_of(one) != builder._digest_of(two)


def test_a_target_file_says_what_there_is() -> None:
    found = facts.facts_of(VEXFS)
    assert found["folder"] == str(VEXFS / "module")
    assert (found["module"], found["fstype"]) == ("vexfs", "vexfs")
    assert found["fsck"] == "fsck.vexfs -n {device}"
    assert found["tools"] == [str(VEXFS / "tools")]
    assert found["tool_outputs"] == ["mkfs.vexfs fsck.vexfs vexctl dumpvexfs"]


@pytest.mark.parametrize(
    ("folder", "kbuild"), [("", "Kbuild"), ("module", "Kbuild"), ("fs__mine", "Makefile"), ("a__b__c", "Kbuild")]
)
def test_without_one_the_module_is_looked_for(tmp_path: Path, folder: str, kbuild: str) -> None:
    name = f"{folder}__{kbuild}" if folder else kbuild
    tree = _tree(tmp_path, **{name: "# a remark\nobj-$(CONFIG_MINE) += my-fs.o\nmy-fs-y := a.o\n", "docs__x": ""})
    found = facts.facts_of(tree)
    assert found["folder"] == str((tree / name.replace("__", "/")).parent)
    assert found["module"] == "my_fs"
    assert found["tools"] == []


def test_the_least_deep_module_is_taken(tmp_path: Path) -> None:
    tree = _tree(tmp_path, a__b__Kbuild="obj-m := deep.o\n", z__Kbuild="obj-m += flat.o\n", tools__Makefile="all:\n")
    found = facts.facts_of(tree)
    assert found["module"] == "flat"
    assert found["tools"] == [str(tree / "tools")]


def test_a_workspace_of_crates_is_one(tmp_path: Path) -> None:
    files = {f"{name}__Cargo.toml": "" for name in ("ctl", "ctl__member", "ctl-more", "ctl__target__package__x")}
    found = facts.facts_of(_tree(tmp_path, Kbuild="obj-m := x.o\n", **files))
    assert found["crates"] == [str(tmp_path / "ctl"), str(tmp_path / "ctl-more")]


def test_what_is_no_tree_of_a_module_is_said(tmp_path: Path) -> None:
    assert "no Kbuild" in facts.facts_of(tmp_path)["wrong"]
    assert "not valid TOML" in facts.facts_of(_tree(tmp_path, target_toml="a = "))["wrong"]


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_words_reach_the_shell_as_they_are(tmp_path: Path) -> None:
    text = 'source = "m"\nmkfs = "mkfs.x \'$(id)\'"\n[build]\nargs = ["A=b c", "$HOME"]\n'
    tree = _tree(tmp_path, target_toml=text, m__Kbuild="obj-m := x.o\n")
    program = f'eval "$({shlex.join([sys.executable, "-I", str(FOLDER / "facts.py"), str(tree)])})"'
    shown = f'{program}; printf "%s\\n" "$module" "$mkfs" "${{make_args[@]}}" "${{#tools[@]}}"'
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["x", "mkfs.x '$(id)'", "A=b c", "$HOME", "0"]
