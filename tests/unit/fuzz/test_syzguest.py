"""What guests of syz-manager boot from, and the programs that it begins with."""

from __future__ import annotations

import base64
import gzip
import re
import zlib
from dataclasses import replace

from vexlab.fuzz import syzgrammar, syzguest, syzseeds
from vexlab.fuzz.layout import Interface
from vexlab.fuzz.syzlang import describe
from vexlab.model.target import Target

IMAGE = b"\0" * 4096 + b"superblock" + b"\0" * 4096


def test_modules_are_loaded_in_their_order(target: Target) -> None:
    files = syzguest.own_modules(replace(target, params=("debug=1",)), b"module", b"mark")
    assert list(files) == ["own/vexlab/1-kcovmark.ko", "own/vexlab/2-vexfs.ko", "own/vexlab/2-vexfs.ko.params"]
    assert sorted(files)[0].endswith("kcovmark.ko"), "KCOV is proved before anything else happens"
    assert files["own/vexlab/2-vexfs.ko.params"] == b"debug=1"


def test_a_kernel_without_kcov_and_a_module_of_its_own(target: Target) -> None:
    assert syzguest.own_modules(target, b"", b"") == {}


def test_the_filesystem_that_is_kept_mounted(target: Target) -> None:
    files = syzguest.kept(replace(target, mount_options=("errors=continue", "noatime")), IMAGE)
    assert gzip.decompress(files["own/vexlab/kept.gz"]) == IMAGE
    assert files["own/vexlab/kept.mount"] == b"-t vexfs -o errors=continue,noatime"


def test_seeds_call_what_is_described(target: Target, interface: Interface) -> None:
    found = syzseeds.seeds(target, interface, IMAGE)
    described = {call.name: call for call in syzgrammar.parse(describe(interface, target, "x.h")).calls}
    assert described.keys() == set(syzseeds.names(target, interface))
    for name, text in found.items():
        for line in text.splitlines():
            match = re.fullmatch(r"(?:r0 = )?([\w$]+)\((.*)\)", line)
            assert match, name
            assert match[1] in described
            arguments = re.sub(r"'[^']*'|\"[^\"]*\"|\{.*\}", "", match[2]).count(",") + 1
            assert arguments == len(described[match[1]].args), line
    assert all(f"ioctl${call.name}(r0" in found["vexfs_all"] for call in interface.calls)


def test_the_image_is_packed_as_syzkaller_does(target: Target, interface: Interface) -> None:
    text = syzseeds.seeds(target, interface, IMAGE)["vexfs_mount"]
    match = re.search(r'&AUTO="\$([A-Za-z0-9+/=]+)"\)', text)
    assert match
    assert zlib.decompress(base64.b64decode(match[1])) == IMAGE
    assert r"'vexfs\x00'" in text


def test_a_target_without_ioctls_is_mounted(target: Target) -> None:
    found = syzseeds.seeds(replace(target, options=(), statistics=()), Interface(calls=()), IMAGE)
    assert list(found) == ["vexfs_mount", "vexfs_kept"]
    assert ", 0x0, 0x0, 0x1, AUTO, " in found["vexfs_mount"], "no options to give"


def test_seeds_are_what_the_calls_most_likely_take(target: Target, interface: Interface) -> None:
    found = syzseeds.seeds(target, interface, IMAGE)
    assert "VEC_CREATE(r0, AUTO, &AUTO={AUTO, 0x4, 0x1, 0x4, AUTO})" in found["vexfs_all"], "within their limits"
    (add,) = [line for line in found["vexfs_vexfs_ioc_vec_add"].splitlines() if "VEC_ADD" in line]
    assert add.count("0x3f800000") == 16, "as many numbers as dimensions and vectors make"
    (search,) = [line for line in found["vexfs_vexfs_ioc_vec_search"].splitlines() if "VEC_SEARCH" in line]
    assert search.count("{}") == 4, "room for results, each a structure"
