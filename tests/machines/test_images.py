"""Images are made without root, and the same recipe and packages give the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cache import file_digest
from vexlab.images.recipe import Recipe, find_recipe
from vexlab.lab import Lab, Order

pytestmark = pytest.mark.machine


def test_the_same_packages_give_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    recipe = Recipe(name="small", packages=("bash", "busybox-static", "kmod"))
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        lab.images.fill_root(recipe, folder)
        made.append({file.name: file_digest(file) for file in folder.iterdir()})
    assert made[0] == made[1]
    assert "root.sqfs" in made[0]


def test_the_packages_of_an_image_are_known(lab: Lab, order: Order) -> None:
    lab.snapshot(order)
    packages = dict(line.split(" ") for line in lab.images.packages(find_recipe("base")))
    assert {"qemu-guest-agent", "busybox-static", "kmod", "e2fsprogs"} <= set(packages)


def test_a_case_says_which_options_it_needs(lab: Lab) -> None:
    from vexlab.kernels.catalogue import read_config

    options = read_config(lab.kernels.get("6.1"))
    assert options["SQUASHFS"] == "m"
    assert "KASAN" not in options
