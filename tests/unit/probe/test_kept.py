"""A profile is found out again only where something that decides it has changed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.lab import Order
from vexlab.model.kernel import Kernel
from vexlab.model.profile import Capability, Profile, State, encode_all
from vexlab.model.target import ModuleArtifact, Target
from vexlab.probe.kept import as_declared, probe_order, profile_key
from vexlab.session.prepare import given_profile


@pytest.fixture
def order(tmp_path: Path) -> Order:
    image = tmp_path / "bzImage"
    image.write_bytes(b"kernel")
    kernel = Kernel(name="6.1", release="6.1.0-1", version="1", image=image, modules=tmp_path, config=image)
    target = Target(name="t", fstype="t", module="t", file=tmp_path, source=tmp_path, mkfs=("mkfs.t", "{device}"))
    artifact = ModuleArtifact(target="t", kernel="6.1", path=None, digest="d")
    return probe_order(Settings(), target, kernel, artifact)


def _with(order: Order, part: str, **changes: object) -> Order:
    changed = dataclasses.replace(getattr(order, part), **changes)
    return dataclasses.replace(order, **{part: changed})


def test_what_decides_a_profile_is_in_its_key(order: Order) -> None:
    keys = {
        profile_key(each)
        for each in (
            order,
            _with(order, "artifact", digest="another module"),
            _with(order, "target", mkfs=("mkfs.t", "-4", "{device}")),
            _with(order, "target", mount_options=("sync",)),
            _with(order, "target", fsck=("fsck.t", "{device}")),
            _with(order, "kernel", version="2"),
            dataclasses.replace(order, memory=512),
        )
    }
    assert len(keys) == 7
    order.kernel.image.write_bytes(b"another kernel")
    assert profile_key(order) not in keys


def test_what_does_not_decide_it_is_not(order: Order) -> None:
    same = (_with(order, "target", refuses=(("acl", "none"),)), _with(order, "artifact", warnings=("a.c: warning: x",)))
    assert {profile_key(each) for each in same} == {profile_key(order)}


def test_the_disk_is_as_large_as_the_target_needs(order: Order) -> None:
    large = dataclasses.replace(order.target, min_disk=3000)
    assert probe_order(Settings(), large, order.kernel, order.artifact).disks[0].size == 3000
    assert order.disks[0].size == 1024


def test_what_is_wrong_as_declared_counts_as_refused(order: Order) -> None:
    found = (
        Capability(name="survives_power_cut", state=State.BROKEN, detail="mount: EINVAL"),
        Capability(name="freed_blocks", state=State.BROKEN, detail="128 blocks are not free"),
        Capability(name="swap_files", state=State.BROKEN, detail="it hangs", deadly=True),
    )
    profile = Profile(target="t", fstype="t", kernel="6.1", digest="d", capabilities=found)
    refuses = (("crash_consistency", "fsck replays the log"), ("swap_files", "none"))
    meant = as_declared(profile, dataclasses.replace(order.target, refuses=refuses))
    states = {each.name: each.state for each in meant.capabilities}
    assert states == {
        "survives_power_cut": State.REFUSED,
        "freed_blocks": State.BROKEN,  # nobody says that it is meant
        "swap_files": State.BROKEN,  # a hang is never meant
    }
    assert meant.get("survives_power_cut").detail == "mount: EINVAL"


def test_a_profile_that_is_given_is_about_this_filesystem(order: Order, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    profile = Profile(target="other", fstype="t", kernel="6.1", digest="d", capabilities=())
    file.write_bytes(encode_all([profile]))
    assert given_profile(file, order.target, order.kernel) == profile
    with pytest.raises(UsageError, match=r"says nothing of u on 6\.1"):
        given_profile(file, dataclasses.replace(order.target, fstype="u"), order.kernel)
    file.write_text("{}")
    with pytest.raises(UsageError, match="is no profile of a run"):
        given_profile(file, order.target, order.kernel)
