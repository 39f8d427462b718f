"""Function names made comparable: system-call wrappers stripped, Rust and C++ names readable."""

from __future__ import annotations

from functools import lru_cache

from vexlab.classify.mangling import demangle

# The wrappers that SYSCALL_DEFINE and its compat forms made over the years (include/linux/syscalls.h,
# arch/*/include/asm/syscall_wrapper.h).
_WRAPPERS = (
    "sys_",
    "SyS_",
    "SYSC_",
    "C_SYSC_",
    "ksys_",
    "__sys_",
    "____sys_",
    "___sys_",
    "__x64_",
    "__x32_",
    "__ia32_",
    "__arm64_",
    "__riscv_",
    "__s390_",
    "__s390x_",
    "__se_",
    "__se_sys_",
    "__do_sys_",
    "__se_compat_sys_",
    "__do_compat_sys_",
    "compat_sys_",
    "compat_SyS_",
    "compat_SYSC_",
    "__compat_sys_",
    "__x64_compat_sys_",
    "__x32_compat_sys_",
    "__ia32_compat_sys_",
    "__arm64_compat_sys_",
)
_INITIALS = ("s", "S", "C", "k", "_", "c")


def readable(name: str) -> str:
    """A Rust or C++ name without its mangling; any other as it is."""
    return demangle(name) if name.startswith(("_R", "_Z")) else name


@lru_cache(maxsize=65536)
def plain(name: str) -> tuple[str, tuple[str, ...]]:
    """The name as titles print it, and the other spellings under which the same function is known."""
    name = readable(name)
    if not name.startswith(_INITIALS):
        return name, ()
    shorter = sorted({name[len(w) :] for w in _WRAPPERS if name.startswith(w) and len(name) > len(w)}, key=len)
    if not shorter:
        return name, ()
    return shorter[0], (name, *shorter[1:])
