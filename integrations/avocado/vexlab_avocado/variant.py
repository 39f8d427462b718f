"""What a variant of Avocado's (yaml-to-mux, ``-p``) says about the machine in which a case runs. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

# A parameter: the option of `vexlab run` that it becomes. Kernel and flavour make a name together.
OPTIONS: Mapping[str, str] = {
    "target": "--target",
    "configuration": "--configuration",
    "memory": "--memory",
    "cpus": "--cpus",
    "accel": "--accel",
}
KERNEL, FLAVOUR = "kernel", "flavour"
_OWN_KERNEL = "distro"  # the flavour of a distribution's kernel, which is not part of a name


def parameters(variant: Mapping[str, object] | None) -> dict[str, str]:
    """Return the parameters of a variant as Avocado hands it to a runner; raise ``ValueError`` for one unknown.

    One that did nothing would let a result stand under the name of something that was not tried.
    """
    known = (KERNEL, FLAVOUR, *OPTIONS)
    found = {}
    for name, value in _pairs(variant):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known)}"
            raise ValueError(f"vexlab does not know the parameter `{name}`{meant}")
        found[name] = str(value)
    return found


def kernel_of(given: Mapping[str, str], otherwise: str) -> str:
    """Return the kernel's name as vexlab has it.

    >>> kernel_of({"flavour": "kasan"}, "6.1")
    '6.1-kasan'
    """
    kernel, flavour = given.get(KERNEL, otherwise), given.get(FLAVOUR, "")
    if not kernel or flavour in ("", _OWN_KERNEL) or kernel.endswith(f"-{flavour}"):
        return kernel
    return f"{kernel}-{flavour}"


def _pairs(variant: Mapping[str, object] | None) -> Iterator[tuple[str, object]]:
    # {"variant": [["/run/6.1", [["/run/6.1", "kernel", "6.1"]]]], "variant_id": …, "paths": […]}
    nodes = variant.get("variant") if variant else None
    for node in nodes if isinstance(nodes, list) else ():
        for _origin, name, value in node[1]:
            yield str(name), value
