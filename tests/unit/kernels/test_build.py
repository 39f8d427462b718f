"""Building a kernel: which tools are unpacked, how far it is, what is kept, and what goes on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind
from vexlab.cli.kernels import command
from vexlab.config import Settings, settings_for
from vexlab.errors import BuildError, DeadlineError, InfraError, UsageError
from vexlab.kernels import tools
from vexlab.kernels.build import Plan, build_kernel
from vexlab.kernels.catalogue import Kernels
from vexlab.kernels.flavours import shown_by
from vexlab.kernels.progress import Steps, progress_words
from vexlab.kernels.source import given
from vexlab.kernels.table import flavour_of
from vexlab.model.kernel import Flavour, in_flavour
from vexlab.model.request import Request

# A kernel tree as far as building it goes: its targets leave what the real ones leave, `merge_config.sh` takes what it
# is given, and of one option nothing comes.
_MAKEFILE = """\
VERSION = 7
PATCHLEVEL = 0
SUBLEVEL = 1
all:
	@test ! -e slow || sleep 60
	@test ! -e broken || { echo "kernel/fork.c:1: error: no" >&2; exit 2; }
	@echo "  CC      kernel/fork.o"
	@echo "  LD [M]  fs/ext4/ext4.ko"
	@mkdir -p arch/x86/boot include/config scripts arch/x86/include
	@echo 7.0.1-vexlab-tiny >include/config/kernel.release
	@echo image >arch/x86/boot/bzImage
	@touch System.map Module.symvers vmlinux arch/x86/Makefile scripts/modpost
modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/7.0.1-vexlab-tiny/kernel
	@ln -s /nowhere $(INSTALL_MOD_PATH)/lib/modules/7.0.1-vexlab-tiny/build
	@touch $(INSTALL_MOD_PATH)/lib/modules/7.0.1-vexlab-tiny/modules.order \\
		$(INSTALL_MOD_PATH)/lib/modules/7.0.1-vexlab-tiny/modules.builtin
"""
_MERGE = 'grep -v CONFIG_NEVER "$2" >.config\n'
TINY = Flavour(name="tiny", about="for tests", fragments=("kasan",), options=("KASAN",))
NO_APT = cast("Apt", None)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "linux"
    (folder / "scripts/kconfig").mkdir(parents=True)
    (folder / "Kconfig").write_text("config NEVER\n\tbool\n\tdepends on BROKEN\n")
    (folder / "Makefile").write_text(_MAKEFILE)
    (folder / "scripts/kconfig/merge_config.sh").write_text(_MERGE)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr(tools, "lacking", lambda: ())
    return Cache(tmp_path / "cache")


def _build(tree: Path, cache: Cache, **more: object) -> tuple[bool, list[str]]:
    said: list[str] = []
    plan = Plan(base="7.0", flavour=TINY, source=given(tree), jobs=1, **more)  # type: ignore[arg-type]
    return build_kernel(plan, cache, NO_APT, progress=said.append), said


def test_a_built_kernel_is_kept_and_built_once(tree: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    new, said = _build(tree, cache)
    assert new
    assert "unpacking the source" in said
    entry = cache.get(Kind.KERNELS, "7.0-tiny")
    assert entry
    facts = json.loads((entry / "kernel.json").read_text())
    assert (facts["release"], facts["flavour"], facts["steps"]) == ("7.0.1-vexlab-tiny", "tiny", "2")
    assert (entry / "vmlinuz").read_text() == "image\n"
    assert (entry / "modules/7.0.1-vexlab-tiny/modules.dep").exists()
    assert not (entry / "modules/7.0.1-vexlab-tiny/build").is_symlink()
    headers = cache.get(Kind.HEADERS, f"7.0-tiny-{facts['version']}")
    assert headers
    assert (headers / "build/Module.symvers").exists()
    assert not (cache.root / "builds/7.0-tiny").exists()
    assert _build(tree, cache) == (False, [])
    assert _build(tree, cache, extra="CONFIG_MORE=y\n")[0], "another configuration is another kernel"
    (tree / "kernel.c").write_text("")
    assert _build(tree, cache)[0], "another source is another kernel"


def test_an_interrupted_build_goes_on_where_it_ended(tree: Path, cache: Cache) -> None:
    (tree / "slow").touch()
    with pytest.raises(DeadlineError):
        _build(tree, cache, deadline_s=3.0)
    copy = cache.root / "builds/7.0-tiny/linux"
    (copy / "slow").unlink()
    (copy / "made").touch()
    new, said = _build(tree, cache, keep_tree=True)
    assert new
    assert said[0].startswith("going on in")
    assert (copy / "made").exists()
    assert cache.get(Kind.KERNELS, "7.0-tiny")


def test_a_source_that_does_not_build_is_told_with_the_compilers_words(tree: Path, cache: Cache) -> None:
    (tree / "broken").touch()
    with pytest.raises(BuildError, match=r"kernel 7\.0-tiny does not build") as raised:
        _build(tree, cache)
    assert "kernel/fork.c:1: error: no" in raised.value.log
    assert "make-0.log" in raised.value.hint
    assert cache.get(Kind.KERNELS, "7.0-tiny") is None


def test_an_option_of_which_nothing_comes_is_an_error_before_anything_is_compiled(tree: Path, cache: Cache) -> None:
    with pytest.raises(UsageError, match=r"CONFIG_NEVER: asked for y, is n; it depends on `BROKEN` \(BROKEN is n\)"):
        _build(tree, cache, extra="CONFIG_NEVER=y\n")
    assert not list(cache.root.glob("builds/*/make-*.log"))


def test_a_name_that_would_lead_elsewhere_is_refused(tree: Path, cache: Cache) -> None:
    plan = Plan(base="../x", flavour=TINY, source=given(tree))
    with pytest.raises(UsageError, match="is no name for a kernel"):
        build_kernel(plan, cache, NO_APT, progress=print)


def test_a_full_disk_is_told_before_and_not_blamed_on_the_source(
    tree: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vexlab.kernels.build.shutil.disk_usage", lambda _: type("D", (), {"free": 100 << 20})())
    with pytest.raises(InfraError, match="only 100 MiB are free"):
        _build(tree, cache)


def test_a_kernel_that_is_not_built_says_how_it_is_had(cache: Cache) -> None:
    with pytest.raises(UsageError, match=r"kernel 6\.1-kasan is not built yet") as raised:
        Kernels(cache).get("6.1-kasan")
    assert "vexlab kernels build kasan --kernel 6.1" in raised.value.hint


def test_tools_that_the_host_lacks_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find", lambda name: None if name in ("flex", "gcc") else f"/usr/bin/{name}")
    assert [tool.name for tool in tools.lacking([tmp_path])] == ["gcc", "flex", "libelf.h"]
    (tmp_path / "libelf.h").touch()
    assert [tool.name for tool in tools.lacking([tmp_path])] == ["gcc", "flex"]


def test_what_cannot_be_unpacked_must_be_installed(cache: Cache) -> None:
    absent = [tool for tool in tools.BUILD_TOOLS if tool.name in ("gcc", "flex")]
    with pytest.raises(InfraError, match=r"needs gcc$") as raised:
        tools.environment(absent, NO_APT, cache)
    assert "vexlab doctor --for kernels" in raised.value.hint
    assert tools.environment([], NO_APT, cache) == {}


def test_steps_of_earlier_attempts_count(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "make-0.log").write_text("  CC      a.o\n  CC [M]  b.o\nmake[1]: words\n")
    steps = Steps(tmp_path, expected=10, say=said.append)
    assert steps.log.name == "make-1.log"
    steps.log.write_text("  CC      b.o\n  LD      vmlin")
    assert steps.done == 2
    steps.log.write_text("  CC      b.o\n  LD      vmlinux\n  AR      c.a\n")
    assert steps.done == 4
    steps.tell()
    assert said == []


@pytest.mark.parametrize(
    ("done", "before", "words"),
    [
        (0, 0, "compiling: 0 of about 3000 steps"),
        (1000, 1000, "compiling: 1000 of about 3000 steps"),
        (2000, 1000, "compiling: 2000 of about 3000 steps, about 5 min to go"),
        (3100, 0, "compiling: 3100 of about 3000 steps, the last ones"),
    ],
)
def test_how_long_it_still_takes(done: int, before: int, words: str) -> None:
    assert progress_words(done, 3000, 300.0, before=before) == words


@pytest.mark.parametrize(
    ("name", "flavour"),
    [("6.1", "distro"), ("6.1-kasan", "kasan"), ("linux-v6.9-kcsan", "kcsan"), ("6.1-amd64", "distro"),
     ("/boot/vmlinuz-6.1-kasan", "distro"), ("host", "distro")],
)  # fmt: skip
def test_a_kernels_name_tells_its_flavour(name: str, flavour: str) -> None:
    assert flavour_of(name) == flavour


def test_a_flavour_is_put_into_the_names_of_kernels_once() -> None:
    settings = settings_for(Request(kernels=("6.1", "6.12"), flavour="kasan"))
    assert settings.kernels == ("6.1-kasan", "6.12-kasan")
    assert settings_for(Request(kernels=settings.kernels, flavour="kasan")).kernels == settings.kernels
    assert settings_for(Request(flavour="kasan")).kernels == tuple(f"{each}-kasan" for each in Settings().kernels)
    assert in_flavour("6.1", "distro") == "6.1"


def test_a_flavour_shows_what_all_kernels_show_and_more() -> None:
    assert set(shown_by("kasan")) > set(shown_by("distro"))
    with pytest.raises(UsageError) as raised:
        shown_by("kassan")
    assert "did you mean `kasan`" in raised.value.hint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kasan", "--kernel", "6.1", "--source", "."], "exclude each other"),
        (["kasan", "--kernel", "6.1", "--kernel", "6.12", "--name", "x"], "names one kernel"),
        (["kasan", "--ref", "v6.9"], "is a commit of the repository in --source"),
        (["kasann"], "Invalid value for"),
    ],
)
def test_options_that_exclude_each_other_are_refused(words: list[str], said: str) -> None:
    done = CliRunner().invoke(command, ["build", *words])
    assert said in f"{done.output}{done.exception}"
    assert done.exit_code
