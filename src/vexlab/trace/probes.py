"""The probes that have a name, and which function each of them is on for a target and a kernel. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.tables import suggest

KERNEL = "kernel"  # the name of the kernel's image where a place is told or asked for
Kind = Literal["function", "locks", "memory", "block", "on_cpu", "off_cpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A named probe: ``own`` are patterns of functions of the module, ``kernel`` functions taken where it has none.

    In patterns ``{m}`` is the module's or the filesystem's name. Those of the kernel count only calls that are about
    this filesystem where ``filtered`` says so. ``tracepoints`` must be there for kinds that use some.
    """

    name: str
    about: str
    kind: Kind = "function"
    own: tuple[str, ...] = ()
    kernel: tuple[str, ...] = ()
    filtered: bool = False
    tracepoints: tuple[str, ...] = ()


PROBES = (
    Named(name="mount", about="mounting", own=("{m}_fill_super", "{m}_get_tree", "{m}_mount", "__{m}_fill_super")),
    Named(
        name="read",
        about="reading a file",
        own=("{m}_file_read_iter", "{m}_read_iter", "{m}_file_read", "{m}_read"),
        kernel=("generic_file_read_iter",),
        filtered=True,
    ),
    Named(
        name="write",
        about="writing a file",
        own=("{m}_file_write_iter", "{m}_write_iter", "{m}_file_write", "{m}_write"),
        kernel=("generic_file_write_iter",),
        filtered=True,
    ),
    Named(name="vector_search", about="a search for vectors", own=("{m}_vec(?:tor)?_search", "{m}_search")),
    Named(
        name="memory_alloc",
        about="what the module allocates, and what is left of it",
        kind="memory",
        tracepoints=("kmem:kmalloc", "kmem:kfree", "kmem:kmem_cache_alloc", "kmem:kmem_cache_free"),
    ),
    Named(
        name="lock_contention",
        about="waits for locks, of anybody",
        kind="locks",
        tracepoints=("lock:contention_begin", "lock:contention_end"),
    ),
    Named(
        name="journal_commit",
        about="commits of a journal",
        own=("{m}_commit_transaction", "{m}_journal_commit"),
        kernel=("jbd2_journal_commit_transaction", "xlog_cil_push_work"),
    ),
    Named(
        name="block_io",
        about="requests to the disk",
        kind="block",
        tracepoints=("block:block_rq_issue", "block:block_rq_complete"),
    ),
    Named(name="on_cpu", about="samples of where processors are", kind="on_cpu"),
    Named(name="off_cpu", about="where tasks wait", kind="off_cpu", tracepoints=("sched:sched_switch",)),
)
BY_NAME: Mapping[str, Named] = {each.name: each for each in PROBES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A probe as it is set: on ``module:function`` where it is on one, else by its ``kind``.

    One that is ``filtered`` is on a function of the kernel that takes a ``struct kiocb``, and counts only the module's
    files.
    """

    name: str
    kind: Kind = "function"
    function: str = ""
    module: str = ""
    filtered: bool = False

    @property
    def place(self) -> str:
        """Where the probe is, as people are told."""
        if self.kind == "function":
            return f"{self.module or KERNEL}:{self.function}"
        return ", ".join(BY_NAME[self.name].tracepoints) or "profile"


def known_names(target: Target) -> tuple[str, ...]:
    """Return the names of all probes that the target can have; its own come first."""
    return tuple(dict.fromkeys([*(name for name, _ in target.probes), *BY_NAME]))


def canonical(name: str, target: Target) -> str:
    """Return the name of a probe as the table has it; raise ``UsageError`` with a suggestion where it has none.

    ``vexfs_mount`` is ``mount``; ``module:function`` stands for itself, ``kernel`` being the kernel's image.
    """
    known = known_names(target)
    prefixes = ("", f"{target.name}_", f"{target.module}_", f"{target.fstype}_")
    bare = [name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)]
    if found := next((each for each in bare if each in known), ""):
        return found
    if re.fullmatch(r"[\w-]+:[\w.]+", name):  # vexfs:vexfs_lookup
        return name
    near = suggest(bare[-1], known)
    also = f"{' Or' if near.endswith('?') else '; or'} any function of the module: {target.module}:FUNCTION"
    raise UsageError(f"no probe `{name}`", hint=near + also)


def resolve(
    names: Sequence[str],
    target: Target,
    symbols: Mapping[str, Collection[str]],
    tracepoints: Collection[str],
) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """Return the probes for ``names``, and why others cannot be set.

    ``symbols`` are functions by the module that holds them, ``""`` being the kernel's image. What was named by the user
    and is not there is a ``UsageError``; ``names`` without any asks for all, and leaves out what is not there.
    """
    wanted = [canonical(name, target) for name in names] or list(known_names(target))
    found: list[Probe] = []
    notes: list[str] = []
    for name in dict.fromkeys(wanted):
        probe = _resolve(name, target, symbols, tracepoints)
        if isinstance(probe, Probe):
            found.append(probe)
        elif names:
            raise UsageError(f"the probe `{name}` cannot be set: {probe}", hint=_near(name, target, symbols))
        else:
            notes.append(f"{name}: {probe}")
    return tuple(found), tuple(notes)


def _near(name: str, target: Target, symbols: Mapping[str, Collection[str]]) -> str:
    module, _, function = name.rpartition(":")
    if module not in ("", KERNEL) and module not in symbols:
        return f"no module {module} is loaded in the guest; {suggest(module, [KERNEL, *filter(None, symbols)])}"
    functions = symbols.get("" if module == KERNEL else module or target.module, ())
    word = function or dict(target.probes).get(name, name)
    return suggest(word, functions) if len(functions) < 1000 else f"is {word} in the guest's /proc/kallsyms?"


def _resolve(
    name: str, target: Target, symbols: Mapping[str, Collection[str]], tracepoints: Collection[str]
) -> Probe | str:
    if own := dict(target.probes).get(name):
        return _on_function(name, own, target, symbols)
    if ":" in name:
        given, _, function = name.partition(":")
        module = "" if given == KERNEL else given
        if function not in symbols.get(module, ()):
            return f"{given} has no function {function}, or it was inlined"
        return Probe(name=name, function=function, module=module)
    entry = BY_NAME[name]
    if entry.kind != "function":
        missing = [each for each in entry.tracepoints if each not in tracepoints]
        return f"the kernel has no tracepoint {missing[0]}" if missing else Probe(name=name, kind=entry.kind)
    return _of_table(entry, target, symbols)


def _on_function(name: str, function: str, target: Target, symbols: Mapping[str, Collection[str]]) -> Probe | str:
    module, _, function = function.rpartition(":")
    for place in [module] if module else [target.module, ""]:
        if function in symbols.get(place, ()):
            return Probe(name=name, function=function, module=place)
    return f"{module or target.module} has no function {function}, or it was inlined"


def _of_table(entry: Named, target: Target, symbols: Mapping[str, Collection[str]]) -> Probe | str:
    own = symbols.get(target.module, ())
    prefixes = tuple(dict.fromkeys([target.module, target.fstype, target.name]))
    for pattern in _patterns(entry.own, prefixes):
        if function := next((each for each in sorted(own) if pattern.fullmatch(each)), ""):
            return Probe(name=entry.name, function=function, module=target.module)
    for function in entry.kernel:
        for module, functions in symbols.items():
            if function in functions:
                return Probe(name=entry.name, function=function, module=module, filtered=entry.filtered)
    return (
        f"{target.module} has no function such as {entry.own[0].format(m=target.module) if entry.own else entry.name}"
    )


def _patterns(own: Iterable[str], prefixes: Iterable[str]) -> list[re.Pattern[str]]:
    # {m}_vec(?:tor)?_search -> vexfs_vec(?:tor)?_search
    return [re.compile(each.replace("{m}", re.escape(prefix))) for each in own for prefix in prefixes]
