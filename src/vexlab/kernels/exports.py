"""Why a module does not load whose kernel lacks something: which module has the symbol, which name was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vexlab.model.kernel import Kernel
from vexlab.tables import suggest

# modprobe: FATAL: Module jbd3 not found in directory /lib/modules/6.1.0-56-cloud-amd64
_NO_MODULE = re.compile(r"Module ([\w-]+) not found in directory")
# [    9.876543] thing: Unknown symbol jbd2_journal_start (err -2)       (kernel/module/main.c)
_NO_SYMBOL = re.compile(r": Unknown symbol (\w+) \(err -?\d+\)")
_SHOWN = 5
_INSMOD = "unknown symbol"  # insmod's words, in lower case


def load_hints(words: str, console: str, kernel: Kernel) -> tuple[str, ...]:
    """Return what ``depends`` in ``target.toml`` lacks, or has too much, where ``words`` tell of such an error."""
    hints = [_unknown_module(name, kernel) for name in dict.fromkeys(_NO_MODULE.findall(words))]
    if _INSMOD in words.lower():
        hints += _unknown_symbols(list(dict.fromkeys(_NO_SYMBOL.findall(console))), kernel)
    return tuple(hints)


def _unknown_module(name: str, kernel: Kernel) -> str:
    close = suggest(name.replace("-", "_"), _modules(kernel))
    said = f": {close}" if close.startswith("did you mean") else ""
    return f"kernel {kernel.name} has no module {name}; is `depends` in target.toml right?{said}"


def _unknown_symbols(symbols: list[str], kernel: Kernel) -> Iterator[str]:
    exported = _exports(kernel)
    homes: dict[str, list[str]] = {}
    for symbol in symbols:
        homes.setdefault(exported.get(symbol, ""), []).append(symbol)
    for module, names in homes.items():
        shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        if module:
            yield f'{shown}: exported by the module {module}; `depends = ["{module}"]` in target.toml loads it first'
        else:
            yield f"{shown}: exported by nothing in kernel {kernel.name}"


def _exports(kernel: Kernel) -> dict[str, str]:
    """Return the module of each symbol that a module of the kernel exports (modules.symbols of depmod(8))."""
    found = {}
    for line in _lines(kernel.modules / "modules.symbols"):
        word, _, rest = line.partition(" ")  # alias symbol:jbd2_journal_start jbd2
        if word == "alias" and rest.startswith("symbol:"):
            symbol, _, module = rest.removeprefix("symbol:").partition(" ")
            found[symbol] = module
    return found


def _modules(kernel: Kernel) -> set[str]:
    paths = [line.partition(":")[0] for line in _lines(kernel.modules / "modules.dep")]
    paths += _lines(kernel.modules / "modules.builtin")
    return {Path(path).name.partition(".")[0].replace("-", "_") for path in paths}


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []
