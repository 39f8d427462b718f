"""Where other people's Makefiles run: bubblewrap around make, or nothing around it where that does not work.

A target's Makefile may run anything. In the sandbox it sees the system's programs and headers, the kernel's headers,
and a copy of the source, which alone it can write to; it has no network, no home folder, and no process but its own,
and whatever it started ends with it (bwrap(1), user_namespaces(7)). What is built must not depend on the sandbox:
paths, user and environment are the same without it.
"""

from __future__ import annotations

import functools
import logging
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import process, temporary
from vexlab.errors import InfraError
from vexlab.model.request import Sandboxing
from vexlab.tables import visible

log = logging.getLogger(__name__)

PROGRAM = "bwrap"
LARGEST_FILE = 1 << 30  # bytes
_KEEP = 8 << 20  # bytes of what make prints
_PROOF_S = 20.0
_FIX = "`vexlab doctor` says what to do; `--sandbox=auto` builds without one"

# Links on a system whose /usr is merged, folders on others.
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What a compiler, a linker and a shell read in /etc. Everything else there may be a secret.
_ETC = (
    "alternatives", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nsswitch.conf", "os-release",
    "passwd", "perl", "python3", "python3.11", "python3.12", "python3.13",
)  # fmt: skip
# Toolchains outside /usr: packages of Nix and Guix, which hold no user's files.
_STORES = ("/nix/store", "/gnu/store")
# What a user may choose his toolchain by, beside PATH (Documentation/kbuild/kbuild.rst, GNU make's implicit rules).
TOOLCHAIN = (
    "AR", "ARCH", "CC", "CFLAGS", "CPPFLAGS", "CROSS_COMPILE", "CXX", "CXXFLAGS", "HOSTCC", "LD", "LDFLAGS", "LLVM",
    "LLVM_IAS",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether a sandbox was seen to hold here; ``words`` are its version, or why not."""

    works: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A folder in which commands of a build run: they may write below ``work`` and read ``readable``.

    ``work`` has room for a private ``/tmp`` and an empty home folder beside the copy of the source.
    """

    work: Path
    readable: tuple[Path, ...]
    sandboxed: bool

    def __post_init__(self) -> None:
        """Make the folders that every build has."""
        for name in ("tmp", "home"):
            (self.work / name).mkdir(exist_ok=True)  # a build that goes on has them

    def run(self, argv: Sequence[str], *, timeout: float) -> process.Completed:
        """Run a command; what it prints is bounded, and so is the size of each file that it writes.

        Raises ``DeadlineError``, and ``InfraError`` where the sandbox itself fails.
        """
        own = {"LC_ALL": "C", "TZ": "UTC", "HOME": str(self.work / "home"), "PATH": os.environ.get("PATH", os.defpath)}
        env = {**own, "TMPDIR": "/tmp" if self.sandboxed else str(self.work / "tmp"), **toolchain()}  # noqa: S108
        prefix = [*_limits(), *(_bubblewrap(self.work, self.readable) if self.sandboxed else ())]
        done = process.run([*prefix, *argv], timeout=timeout, cwd=self.work, env=env, inherit=False, keep=_KEEP)
        # bwrap: Creating new namespace failed: Operation not permitted
        if self.sandboxed and done.returncode and not done.stdout and done.stderr.startswith(b"bwrap: "):
            raise InfraError(f"the build's sandbox failed: {visible(done.error_text.strip())}", hint=_FIX)
        return done


def readable(headers: Path) -> tuple[Path, ...]:
    """Return the folders that a build against ``headers`` must see besides what every build does.

    An entry of the cache is one, whole. The folder of a kernel that somebody built holds links to its source; that
    of a distribution lies in /usr.
    """
    real = headers.resolve()
    if headers.is_symlink() and real.is_relative_to(headers.parent.resolve()):
        return (headers.parent.resolve(),)
    linked = {item.resolve() for item in real.iterdir() if item.is_symlink() and item.is_dir()}
    return tuple(path for path in (real, *sorted(linked)) if not path.is_relative_to("/usr"))


def toolchain() -> dict[str, str]:
    """Return the variables of our environment that choose the toolchain, the only ones besides PATH that builds see."""
    return {name: value for name in TOOLCHAIN if (value := os.environ.get(name))}


def wanted(sandboxing: Sandboxing) -> bool:
    """Return whether builds run in the sandbox; say once where they should and cannot.

    Raises ``InfraError`` where they must and cannot.
    """
    if sandboxing == "off":
        return False
    proof = prove()
    if not proof.works and sandboxing == "require":
        raise InfraError(f"no sandbox for builds works here: {proof.words}", hint=_FIX)
    if not proof.works:
        _say_once(proof.words)
    return proof.works


@functools.cache
def _say_once(words: str) -> None:
    log.warning("vexlab: builds run without a sandbox (%s): a target's Makefile can do what you can", words)


@functools.cache
def prove() -> Proof:
    """Try the sandbox: the compiler must work in it, and what it is to keep away must be away."""
    program = process.find(PROGRAM)
    if program is None:
        return Proof(works=False, words=f"{PROGRAM} is not installed")
    try:
        with temporary.folder("proof") as outer:
            return _tried(program, outer)
    except InfraError as error:
        return Proof(works=False, words=error.message.splitlines()[0])
    except OSError as error:
        return Proof(works=False, words=str(error))


_TRIAL = Path(__file__).with_name("trial.sh")


def _tried(program: str, outer: Path) -> Proof:
    (outer / "secret").touch()
    (outer / "work").mkdir()
    place = Workplace(work=outer / "work", readable=(), sandboxed=True)
    compiler = next((name for name in ("gcc-12", "gcc", "cc") if process.find(name)), "cc")
    home = Path.home()
    private = next(
        (str(each) for each in (home.iterdir() if home.is_dir() else ()) if not outer.is_relative_to(each)), ""
    )
    argv = [
        "sh",
        "-c",
        _TRIAL.read_text(),
        "sh",
        compiler,
        str(outer),
        private,
        str(Path("/proc/self/ns/pid").readlink()),
    ]
    done = place.run(argv, timeout=_PROOF_S)
    if done.returncode:
        words = done.error_text.strip().splitlines() or [f"status {done.returncode}"]
        return Proof(works=False, words=visible(words[-1][:200]))
    could = done.text.splitlines() + (["writes to other folders"] if (outer / "written").exists() else [])
    if could:
        return Proof(works=False, words=f"what runs in it {', '.join(could)}")
    return Proof(works=True, words=process.run([program, "--version"], timeout=10).text.strip())


def _limits() -> list[str]:
    """Return the words that bound each file written; never above a bound that we are under ourselves."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = LARGEST_FILE if hard == resource.RLIM_INFINITY else min(hard, LARGEST_FILE)
    return [process.require("prlimit"), f"--fsize={most}:{most}", "--core=0:0"]


def _bubblewrap(work: Path, readable: Sequence[Path]) -> list[str]:
    """Return bwrap's command line, to be followed by the command.

    The namespaces are new, all of them; a new session keeps it from typing into our terminal (TIOCSTI).
    """
    argv = [process.require(PROGRAM), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    for path in (*(Path("/etc", name) for name in _ETC), *map(Path, _STORES)):
        if path.exists():
            argv += ["--ro-bind", str(path.resolve()), str(path)]
    argv += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    argv += ["--bind", str(work / "tmp"), "/tmp"]  # noqa: S108 - it is private
    for path in readable:
        argv += ["--ro-bind", str(path), str(path)]
    return [*argv, "--bind", str(work), str(work), "--remount-ro", "/", "--chdir", str(work), "--"]
