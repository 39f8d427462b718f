"""A host gets the target and the cases, in places that hold there."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.machines.conftest import CASES, PLANTED

from vexlab.cluster.evidence import unpack
from vexlab.cluster.parcel import at_host, parcel_of
from vexlab.model.request import Request
from vexlab.targets.load import find_target

VEXFS = Path(__file__).parents[3] / "targets" / "vexfs"


def test_target_source_and_cases_arrive(tmp_path: Path) -> None:
    target = find_target(str(PLANTED))
    request = Request(target=str(PLANTED), paths=(str(CASES),), cluster="local:2", jobs=2, level=1)
    parcel = parcel_of(request, target)
    unpack(parcel.files, tmp_path)
    there = at_host(parcel.request, tmp_path)
    assert there.cluster == ""
    assert there.level == 1
    assert find_target(there.target).source == tmp_path / "source"
    assert [Path(path).is_dir() for path in there.paths] == [True]
    assert (Path(there.paths[0]) / "test_planted.py").is_file()
    assert parcel.root == PLANTED


def test_a_folder_that_is_a_link_arrives(tmp_path: Path) -> None:
    """The tools of VexFS include a header by a link to the module's folder."""
    target = find_target(str(VEXFS))
    parcel = parcel_of(Request(target=str(VEXFS), cluster="local:2"), target)
    unpack(parcel.files, tmp_path)
    there = Path(at_host(parcel.request, tmp_path).target)
    assert (there.parent / "include" / "vexfs_format.h").is_file()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    shutil.copytree(PLANTED, tmp_path / "planted")
    source = tmp_path / "planted" / "source"
    (source / "again").symlink_to("..")
    (source / "self").symlink_to(".")
    target = find_target(str(tmp_path / "planted"))
    parcel = parcel_of(Request(target=str(tmp_path / "planted"), cluster="local:2"), target)
    unpack(parcel.files, tmp_path / "there")
    assert not list((tmp_path / "there").rglob("self"))


def test_a_shipped_target_needs_no_parcel() -> None:
    request = Request(target="ext4", cluster="local:2")
    parcel = parcel_of(request, find_target("ext4"))
    assert parcel.request.target == "ext4"
    assert len(parcel.files) < 1000
