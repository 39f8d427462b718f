"""What a target's Makefile tries in a build, and what it gets; each attempt is shown to succeed without the sandbox."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.errors import BuildError, DeadlineError, InfraError, UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.request import Sandboxing
from vexlab.model.target import BuildPlan, ModuleArtifact, Target, Tool
from vexlab.targets import sandbox
from vexlab.targets.build import build_module

needs_sandbox = pytest.mark.skipif(
    not sandbox.prove().works, reason=f"no sandbox for builds works here: {sandbox.prove().words}"
)
MODES = [pytest.param("require", marks=needs_sandbox), "off"]
_SLEEP = "98765.4321"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a Makefile might reach: a home folder with a key, the source itself, the temporary folder, a server."""

    home: Path
    source: Path
    temporary: Path
    server: socket.socket

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".ssh" / "id").write_text("the key")
    (tmp_path / "target" / "source").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        tempfile.TemporaryDirectory(prefix="elsewhere-") as temporary,
    ):
        server.settimeout(0.2)
        yield Host(
            home=tmp_path / "home",
            source=tmp_path / "target" / "source",
            temporary=Path(temporary),
            server=server,
        )


def _target(source: Path, makefile: str, *, outputs: tuple[str, ...] = ("prog",)) -> Target:
    (source / "Makefile").write_text(makefile)
    tool = Tool(source=source, outputs=outputs)
    return Target(name="x", fstype="x", module="x", file=source.parent / "target.toml", tools=(tool,))


def _build(target: Target, cache: Path, sandboxing: Sandboxing, headers: Path = Path("/nowhere")) -> ModuleArtifact:
    kernel = Kernel(name="k", release="1", version="1", image=cache, modules=cache, config=cache)
    return build_module(target, kernel, lambda: headers, Cache(cache), sandboxing=sandboxing)


def _made(artifact: ModuleArtifact) -> str:
    return dict(artifact.tools)["prog"].read_text()


def _attack(host: Host, recipe: str, sandboxing: Sandboxing) -> str:
    """Build with a recipe that writes what it got to ``prog``; return that."""
    makefile = "all:\n" + "".join(f"\t{line}\n" for line in recipe.splitlines())
    return _made(_build(_target(host.source, makefile), host.home.parent / "cache", sandboxing))


@pytest.mark.parametrize("sandboxing", MODES)
def test_files_elsewhere_are_out_of_reach(host: Host, sandboxing: Sandboxing) -> None:
    places = (host.home, host.source, host.temporary)
    tries = "".join(f"-echo x >{place}/written\n" for place in places)
    got = _attack(host, f"{tries}echo begin >prog; cat {host.home}/.ssh/id >>prog || true", sandboxing)
    written = [place for place in places if (place / "written").exists()]
    assert written == ([] if sandboxing == "require" else list(places))
    assert ("the key" in got) == (sandboxing == "off")


@pytest.mark.parametrize("sandboxing", MODES)
def test_no_network(host: Host, sandboxing: Sandboxing) -> None:
    got = _attack(
        host, f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{host.port} && echo connected' >prog 2>&1 || true", sandboxing
    )
    assert got.startswith("connected") == (sandboxing == "off"), got
    try:
        host.server.accept()[0].close()
        connected = True
    except TimeoutError:
        connected = False
    assert connected == (sandboxing == "off")


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_daemon_ends_with_the_build(host: Host, sandboxing: Sandboxing) -> None:
    # It keeps make's standard output, too: the build must not wait for it.
    _attack(host, f"setsid sleep {_SLEEP} & sleep 0.2; echo >prog", sandboxing)
    left = _processes(_SLEEP)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == (0 if sandboxing == "require" else 1)


def _processes(argument: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words:
            found.append(int(folder.name))
    return found


def test_a_child_in_the_background_ends_with_its_group(host: Host) -> None:
    _attack(host, f"sleep {_SLEEP}1 & echo >prog", "off")
    assert not _processes(f"{_SLEEP}1")


@needs_sandbox
def test_a_deadline_ends_daemons_too(host: Host) -> None:
    (host.source / "Kbuild").touch()
    headers = host.home.parent / "headers"
    headers.mkdir()
    (headers / "Makefile").write_text(f"modules:\n\tsetsid sleep {_SLEEP}2 & yes\n")
    target = Target(
        name="x", fstype="x", module="x", file=host.source.parent / "target.toml", source=host.source,
        build=BuildPlan(timeout=1.0),
    )  # fmt: skip
    with pytest.raises(DeadlineError, match="make did not end within 1 s") as caught:
        _build(target, host.home.parent / "cache", "require", headers)
    assert "build.timeout" in caught.value.hint
    assert not _processes(f"{_SLEEP}2")


@pytest.mark.parametrize("sandboxing", MODES)
def test_the_environment_holds_no_secrets(host: Host, sandboxing: Sandboxing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("API_TOKEN", "secret")
    monkeypatch.setenv("CFLAGS", "-O1")
    names = dict(line.partition("=")[::2] for line in _attack(host, "env >prog", sandboxing).splitlines())
    assert not {"SSH_AUTH_SOCK", "API_TOKEN"} & set(names)
    assert names["HOME"] != str(host.home)
    assert (names["LC_ALL"], names["TZ"], names["CFLAGS"], names["PATH"]) == ("C", "UTC", "-O1", os.environ["PATH"])


@pytest.mark.parametrize("sandboxing", MODES)
def test_the_toolchain_chosen_is_part_of_the_key(
    host: Host, sandboxing: Sandboxing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _attack(host, "echo $(CFLAGS) >prog", sandboxing)
    monkeypatch.setenv("CFLAGS", "-O1")
    assert (first, _attack(host, "echo $(CFLAGS) >prog", sandboxing)) == ("\n", "-O1\n")


@needs_sandbox
def test_the_rest_of_the_system_is_not_there(host: Host) -> None:
    got = _attack(host, "ls / /etc /dev >prog; id -u >>prog; cat /etc/shadow >>prog 2>&1 || true", "require").split()
    assert not {"home", "root", "run", "var", "sys", "work", "srv", "mnt", "shadow", "ssh", "ssl", "sudoers"} & set(got)
    assert not {"vda", "sda", "kvm", "mem", "loop0", "loop-control"} & set(got)
    assert str(os.getuid()) in got


@needs_sandbox
@pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/dev", "/dev/shm", "/proc/sys/kernel", "/proc"])
def test_only_the_copy_can_be_written(host: Host, place: str) -> None:
    got = _attack(host, f"(touch {place}/x && echo written || echo refused) >prog 2>/dev/null", "require")
    assert got == "refused\n"


@needs_sandbox
def test_no_privileges_are_to_be_had(host: Host) -> None:
    got = _attack(host, "grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status >prog", "require")
    assert got.split() == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_file_without_end_is_cut(host: Host, sandboxing: Sandboxing) -> None:
    target = _target(host.source, "all:\n\tdd if=/dev/zero of=prog bs=1M count=1 seek=1100 2>&1\n")
    with pytest.raises(BuildError, match="do not build"):
        _build(target, host.home.parent / "cache", sandboxing)


@pytest.mark.parametrize("sandboxing", MODES)
@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("ln -s /etc/passwd prog", "a link that leads out of its folder"),
        ("ln -s ../../../../../../../../../../../etc/passwd prog", "a link that leads out of its folder"),
        ("rm -rf ../source; mkdir ../source; cd ../source; ln -s /proc/self/environ prog", "out of its folder"),
        ("ln -s prog other; ln -s other prog", "prog that cannot be read"),
        ("mkfifo prog", "no file of at most"),
        ("mkdir prog", "no file of at most"),
        ("true", "made no prog"),
    ],
)
def test_what_a_build_made_must_be_its_own(host: Host, recipe: str, said: str, sandboxing: Sandboxing) -> None:
    with pytest.raises(UsageError, match=said):
        _attack(host, recipe, sandboxing)


@pytest.mark.parametrize("sandboxing", MODES)
@pytest.mark.parametrize("trap", ["mkdir ../stripped ../whole", "ln -s /etc ../whole", "true"])
def test_a_build_cannot_hold_up_what_follows_it(host: Host, trap: str, sandboxing: Sandboxing) -> None:
    (host.source / "prog.c").write_text("int main(void) { return 0; }\n")
    made = _build(
        _target(host.source, f"all:\n\t$(CC) -o prog prog.c\n\t{trap}\n"), host.home.parent / "cache", sandboxing
    )
    assert dict(made.tools)["prog"].read_bytes().startswith(b"\x7fELF")


@pytest.mark.skipif(os.getuid() == 0, reason="root can read any folder")
@pytest.mark.parametrize("sandboxing", MODES)
def test_a_folder_that_a_build_shut(host: Host, sandboxing: Sandboxing) -> None:
    with pytest.raises(UsageError, match="made no prog"):
        _attack(host, "echo >prog; chmod 000 .. .", sandboxing)


@needs_sandbox
def test_a_build_that_writes_elsewhere_is_told_so(host: Host) -> None:
    target = _target(host.source, "all:\n\ttouch /usr/share/x\n")
    with pytest.raises(BuildError, match=r"Read-only file system|Permission denied") as caught:
        _build(target, host.home.parent / "cache", "require")
    assert "--sandbox=off" in caught.value.hint


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_link_within_the_build_is_taken(host: Host, sandboxing: Sandboxing) -> None:
    assert _attack(host, "echo yes >real; ln -s real prog", sandboxing) == "yes\n"


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_broken_object_file_is_the_target_s_fault(host: Host, sandboxing: Sandboxing) -> None:
    target = _target(host.source, "all:\n\tprintf '\\177ELF and nothing' >prog\n")
    with pytest.raises(BuildError, match="prog is no whole object file"):
        _build(target, host.home.parent / "cache", sandboxing)


@pytest.mark.parametrize("sandboxing", MODES)
def test_terminal_controls_in_the_log_do_nothing(host: Host, sandboxing: Sandboxing) -> None:
    target = _target(host.source, "all:\n\t@printf 'x.c:1: error: \\033[2J\\n'; false\n")
    with pytest.raises(BuildError) as caught:
        _build(target, host.home.parent / "cache", sandboxing)
    assert r"\x1b[2J" in caught.value.message
    assert "\x1b" not in caught.value.message + caught.value.log


@pytest.mark.parametrize("sandboxing", MODES)
def test_whatever_a_build_leaves_is_removed(host: Host, sandboxing: Sandboxing) -> None:
    before = set(Path(tempfile.gettempdir()).glob("vexlab-build-*"))
    deep = "d=.; for i in $$(seq 1100); do mkdir x; cd x; done"
    _attack(host, f"echo >prog; ({deep}); mkdir -p shut/within; touch shut/within/f; chmod 000 shut", sandboxing)
    mine = {
        folder
        for folder in set(Path(tempfile.gettempdir()).glob("vexlab-build-*")) - before
        if (folder / "source" / "shut").exists()
    }
    assert not mine


@needs_sandbox
def test_the_bytes_are_the_same_with_and_without(host: Host) -> None:
    (host.source / "prog.c").write_text("#include <stdio.h>\nint main(void) { puts(__FILE__); return 0; }\n")
    (host.source / "Kbuild").touch()
    headers = host.home.parent / "headers"
    headers.mkdir()
    (headers / "Makefile").write_text("modules:\n\t$(CC) -g $(KCFLAGS) -c -o $(M)/x.ko $(M)/prog.c\n")
    target = _target(host.source, "prog: prog.c\n\t$(CC) -g -o $@ $^\n")
    module = Target(
        name="x", fstype="x", module="x", file=target.file, source=host.source, tools=target.tools,
    )  # fmt: skip
    made = [_build(module, host.home.parent / f"cache-{mode}", mode, headers) for mode in ("require", "off")]
    assert made[0].digest == made[1].digest
    assert [each.path and each.path.read_bytes() for each in made[:1]] == [made[1].path and made[1].path.read_bytes()]
    assert dict(made[0].tools)["prog"].read_bytes() == dict(made[1].tools)["prog"].read_bytes()
    debug = [each.path.with_suffix(".debug.ko").read_bytes() for each in made if each.path]
    assert debug[0] == debug[1]
    again = _build(module, host.home.parent / "cache-off", "require", headers)
    assert again.cached, "the sandbox is no part of a build's key"


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_target_in_a_folder_with_an_odd_name(host: Host, sandboxing: Sandboxing) -> None:
    source = host.home.parent / "it's a $(x) `y` & z;" / "source"
    source.mkdir(parents=True)
    assert _made(_build(_target(source, "all:\n\techo yes >prog\n"), host.home.parent / "cache", sandboxing)) == "yes\n"


@pytest.mark.parametrize("sandboxing", MODES)
def test_a_temporary_folder_that_make_cannot_take(
    host: Host, sandboxing: Sandboxing, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = host.home.parent / "a b"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with pytest.raises(UsageError, match="make cannot take") as caught:
        _attack(host, "echo >prog", sandboxing)
    assert "TMPDIR" in caught.value.hint


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH of the system's programs, but without bwrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in Path("/usr/bin").iterdir():
        if name.name != sandbox.PROGRAM:
            (folder / name.name).symlink_to(name)
    monkeypatch.setenv("PATH", str(folder))
    sandbox.prove.cache_clear()
    sandbox._say_once.cache_clear()
    yield folder
    monkeypatch.undo()
    sandbox.prove.cache_clear()
    sandbox._say_once.cache_clear()


def test_without_bubblewrap(host: Host, programs: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = _target(host.source, "all:\n\techo yes >prog\n")
    with pytest.raises(InfraError, match="bwrap is not installed") as caught:
        _build(target, host.home.parent / "cache", "require")
    assert "doctor" in caught.value.hint
    assert caught.value.exit_code == 3
    assert _made(_build(target, host.home.parent / "cache", "auto")) == "yes\n"
    _target(host.source, "all:\n\techo again >prog\n")
    assert _made(_build(target, host.home.parent / "cache", "auto")) == "again\n"
    said = [record.getMessage() for record in caplog.records if "without a sandbox" in record.getMessage()]
    assert len(said) == 1
    with pytest.raises(InfraError):  # though there is nothing to build
        _build(target, host.home.parent / "cache", "require")


# In place of bwrap: what it says where user namespaces are forbidden; one that keeps nothing away.
_FAILS = "#!/bin/sh\necho 'bwrap: Creating new namespace failed: Operation not permitted' >&2\nexit 1\n"
_KEEPS_NOTHING = '#!/bin/sh\n[ "$1" = --version ] && exit\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'


@pytest.mark.parametrize(
    ("script", "words"),
    [(_FAILS, "Creating new namespace failed"), (_KEEPS_NOTHING, "what runs in it reads other folders")],
)
def test_a_sandbox_that_does_not_hold_is_none(host: Host, programs: Path, script: str, words: str) -> None:
    (programs / sandbox.PROGRAM).write_text(script)
    (programs / sandbox.PROGRAM).chmod(0o755)
    proof = sandbox.prove()
    assert not proof.works
    assert words in proof.words
    if script is _KEEPS_NOTHING:
        for lack in ("reads the home folder", "sees other processes", "writes to other folders"):
            assert lack in proof.words
