"""What a module says of itself: the strings of its section ``.modinfo`` (include/linux/moduleparam.h). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# license=GPL      alias=fs-vexfs      vermagic=6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions
_ENTRY = re.compile(rb"(?<=\0)(license|alias|vermagic|name|depends|softdep|import_ns)=([^\0]*)(?=\0)")
_BEFORE = re.compile(r"^.*?pre:|^(?!.*pre:).*")  # pre: crc32c jbd2 post: zstd
# include/linux/license.h: any other taints the kernel, which then refuses it the symbols that are for GPL modules alone
GPL = ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")


def information(image: bytes) -> Mapping[str, tuple[str, ...]]:
    """Return what the module's ELF ``image`` says, by name; a name may come several times."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in _ENTRY.findall(b"\0" + image + b"\0"):
        key = name.decode()
        found[key] = (*found.get(key, ()), value.decode(errors="replace")[:200])
    return found


def needs(image: bytes) -> frozenset[str]:
    """Return the modules that the module's ELF ``image`` wants loaded before, with underscores as the kernel has them.

    They are what modpost found it to take symbols of, and those of MODULE_SOFTDEP("pre: …").
    """
    said = information(image)
    hard = [name for value in said.get("depends", ()) for name in value.split(",")]
    soft = [name for value in said.get("softdep", ()) for name in _BEFORE.sub("", value).partition("post:")[0].split()]
    return frozenset(name.replace("-", "_") for name in (*hard, *soft) if name)


def undeclared(image: bytes, declared: Iterable[str]) -> frozenset[str]:
    """Return the modules that the module's ELF ``image`` wants loaded before, beside those ``declared``."""
    return needs(image) - {name.replace("-", "_") for name in declared}


def faults(image: bytes, *, fstype: str, release: str) -> tuple[str, ...]:
    """Return what is wrong with what the module for ``fstype`` says of itself on a kernel of ``release``."""
    said = information(image)
    found = []
    if not said.get("license"):
        found.append("it names no license (MODULE_LICENSE): modpost and kernel refuse it GPL symbols, and it taints")
    elif said["license"][0] not in GPL:
        found.append(f"its license `{said['license'][0]}` is none that the kernel knows as free: it taints the kernel")
    if f"fs-{fstype}" not in said.get("alias", ()):
        found.append(f"it has no alias fs-{fstype} (MODULE_ALIAS_FS): `mount -t {fstype}` will not load it")
    made_for = said.get("vermagic", ("",))[0].partition(" ")[0]
    if made_for != release:
        found.append(f"its vermagic is of kernel `{made_for}`, not of {release}")
    return tuple(found)
