"""Programs for syz-manager to begin with: a sound image mounted, a file in it open, each ioctl called on it. Pure.

They are in the form of syzkaller's ``sys/linux/test``: ``AUTO`` is whatever fits. syz-manager makes up no image itself;
without such a seed it would never mount the filesystem.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator

from vexlab.fuzz.layout import Call, Interface, Member
from vexlab.fuzz.syzlang import KEPT_FILES, type_of
from vexlab.model.target import Target

_OPEN = 0x42  # O_RDWR | O_CREAT
_MODE = 0x1FF
_MANY, _MOST = 4, 64  # elements
_ONE = "0x3f800000"  # 1.0 in binary32


def seeds(target: Target, interface: Interface, image: bytes) -> dict[str, str]:
    """Return programs by name: each call of ``interface`` on a file of the filesystem that the guests keep mounted, all
    of them there and on ``image``, and the mount of ``image`` alone.
    """  # fmt: skip
    name, mount = target.name, _mount(target, image)
    lines = [f"ioctl${call.name}(r0, AUTO, {_argument(call, interface, name)})\n" for call in interface.calls]
    kept, inside = _opened(f"{name}_kept", KEPT_FILES[0]), _opened(name, "./file1")
    found = {f"{name}_mount": mount, f"{name}_kept": kept}
    for call, line in zip(interface.calls, lines, strict=True):
        found[f"{name}_{call.name.lower()}"] = f"{kept}{line}"
    if lines:
        found[f"{name}_all"] = f"{kept}{''.join(lines)}"
        found[f"{name}_all_on_image"] = f"{mount}{inside}{''.join(lines)}"
    return found


def names(target: Target, interface: Interface) -> Iterator[str]:
    """Yield the calls of the target's own descriptions."""
    yield from (f"syz_mount_image${target.name}", f"openat${target.name}", f"openat${target.name}_kept")
    if target.statistics:
        yield f"open${target.name}_statistics"
    yield from (f"ioctl${call.name}" for call in interface.calls)


def packed(image: bytes) -> str:
    """Return an image as syzkaller writes it in a program: zlib's form, base64."""
    return f"${base64.b64encode(zlib.compress(image, 9)).decode()}"


def _mount(target: Target, image: bytes) -> str:
    options = "&AUTO" if target.options else "0x0"
    return (
        f"syz_mount_image${target.name}(&AUTO='{target.fstype}\\x00', &AUTO='./file0\\x00', 0x0, {options}, 0x1, "
        f'AUTO, &AUTO="{packed(image)}")\n'
    )


def _opened(variant: str, file: str) -> str:
    return f"r0 = openat${variant}(AUTO, &AUTO='{file}\\x00', {_OPEN:#x}, {_MODE:#x})\n"


def _argument(call: Call, interface: Interface, name: str) -> str:
    """Return a structure that the call is likely to take: numbers within their limits, arrays of as many elements."""
    if not call.structure:
        return "0x0"
    structure = interface.structures[call.structure]
    values = []
    for member in structure.members:
        kind = type_of(member, structure, interface, name)
        if kind.startswith("array["):
            break  # syzkaller fills up what is missing at the end
        values.append(_value(member, kind, interface))
    return f"&AUTO={{{', '.join(values)}}}"


def _value(member: Member, kind: str, interface: Interface) -> str:
    if kind.startswith(("const[", "len[")):
        return "AUTO"
    if kind.startswith("flags["):
        return "0x1"
    if points := member.points:
        # of what two members count together, as many for each
        many = _MANY ** len(points.counts) if points.counts else _MANY
        element = "{}" if points.element.removeprefix("struct ") in interface.structures else "0x0"
        return f"&AUTO=[{', '.join([_ONE if points.element == 'float' else element] * min(many, _MOST))}]"
    # members of one name share their values
    alike = [each.range for one in interface.structures.values() for each in one.members if each.name == member.name]
    low, high = next((limits for limits in alike if limits[1]), (0, 0))
    return f"{max(low, min(high, _MANY)):#x}"
