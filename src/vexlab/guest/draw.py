"""Sequences of operations drawn by Hypothesis.

They are drawn on the host, and tried and shortened in the guest (``fsseq try``, ``fsseq shrink``), all in one go: to
ask it about one program at a time would cost a round trip for each.
"""

from __future__ import annotations

import sys
import tempfile

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.strategies import DrawFn, SearchStrategy

from vexlab import process
from vexlab.guest.sequence import KINDS, Op, Program, parse_programs, render_programs

_DRAW_S = 120.0

_SIZES = (0, 1, 100, 4095, 4096, 4097, 5000, 8192, 12288, 49152, 65536, 70000)
# Seconds that fsseq knows as set, see EXPLICIT_FROM in workloads/fsseq/execute.h.
_SECONDS = strategies.integers(1_000_000_000, 1_000_999_999)
_NUMBERS: dict[tuple[str, int], SearchStrategy[int]] = {
    ("chown", 1): strategies.sampled_from((0, 1000, 70000)),
    ("chown", 2): strategies.sampled_from((0, 1000, 70000)),
    ("setxattr", 2): strategies.sampled_from((0, 1, 100)),
    ("utimens", 1): _SECONDS,
    ("utimens", 2): strategies.integers(0, 999_999_999),
}
_WORDS = {
    "open": ("bc", "bc", "b", "r", "wc", "bcx", "bct", "bca", "bn", "rd"),
    "rename": ("plain", "plain", "noreplace", "exchange"),
    "setxattr": ("any", "create", "replace"),
    "allocate": ("plain", "keep", "punch", "zero"),
}
# Drawn more often than others: without open files and names most operations only say that there are none.
_OFTEN = ("open", "open", "open", "write", "write", "mkdir", "mkdir", "rename", "rename", "truncate")
_SLOTS = 3
_XATTR = frozenset({"setxattr", "getxattr", "removexattr", "listxattr"})
_NAMES = strategies.sampled_from((b"a", b"b", b"c", b"d"))
_MAKING = frozenset({"open", "mkdir"})


def draw(count: int, seed: int, *, without: frozenset[str] = frozenset()) -> tuple[Program, ...]:
    """Return at most ``count`` different programs, the same ones for the same seed in the same installation.

    They are drawn in a process of its own: Hypothesis now and then takes constants from whatever modules are loaded
    beside it (``_get_local_constants`` in its providers.py), and it keeps those in a folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-P", "-m", __name__, str(count), str(seed), *sorted(without)]
        done = process.run(argv, timeout=_DRAW_S, env={"HYPOTHESIS_STORAGE_DIRECTORY": folder}, check=True)
    return parse_programs(done.text)


def _drawn(count: int, seed: int, without: frozenset[str]) -> tuple[Program, ...]:
    drawn: dict[Program, None] = {}

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow,),  # the host may be busy
    )
    @given(programs(without=without))
    def keep(program: Program) -> None:
        drawn[program] = None

    keep()
    return tuple(drawn)


@strategies.composite
def programs(pick: DrawFn, *, most: int = 60, without: frozenset[str] = frozenset()) -> Program:
    """Draw a program of up to ``most`` operations, most of them on names that earlier ones made.

    ``without`` are the words of ``fsseq probe``: what a filesystem lacks is not drawn.
    """
    missing = without | (_XATTR if "xattr" in without else frozenset())
    names = [name for name in (*KINDS, *_OFTEN) if name not in missing]
    made: list[bytes] = []
    program: list[Op] = []
    for _ in range(pick(strategies.integers(1, most))):
        name = pick(strategies.sampled_from(names))
        kinds = KINDS[name]
        op = Op(name, tuple(pick(_argument(name, kind, at, made, missing)) for at, kind in enumerate(kinds)))
        made += [arg for at, arg in enumerate(op.args) if _makes(op, at) and isinstance(arg, bytes) and arg not in made]
        program.append(op)
    return tuple(program)


def _makes(op: Op, at: int) -> bool:
    """Whether the argument there names what the operation makes: its last path, or of ``open`` and ``mkdir`` any."""
    return KINDS[op.name][at] == "p" and (op.name in _MAKING or (at == 1 and op.name in ("rename", "link", "symlink")))


def _argument(
    name: str, kind: str, at: int, made: list[bytes], missing: frozenset[str]
) -> SearchStrategy[bytes | str | int]:
    if kind == "s":
        return strategies.integers(0, _SLOTS - 1)
    if kind == "w":
        return strategies.sampled_from([word for word in _WORDS[name] if word not in missing])
    if kind == "o":
        return strategies.sampled_from((0o755, 0o700, 0o644, 0o4755, 0o2711))
    if kind == "x" and name != "symlink":
        return strategies.sampled_from((b"user.p", b"user.pq"))
    if kind in "px":
        return _path(made)
    return _NUMBERS.get((name, at), strategies.sampled_from(_SIZES))


def _path(made: list[bytes]) -> SearchStrategy[bytes]:
    if not made:
        return _NAMES
    known = strategies.sampled_from(made)
    below = strategies.tuples(known, _NAMES).map(b"/".join).filter(lambda path: path.count(b"/") < 6)
    return strategies.one_of(known, known, known, below, _NAMES)


if __name__ == "__main__":
    sys.stdout.write(render_programs(_drawn(int(sys.argv[1]), int(sys.argv[2]), frozenset(sys.argv[3:]))))
