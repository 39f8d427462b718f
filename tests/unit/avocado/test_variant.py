"""What a variant of Avocado's says about the machine."""

from __future__ import annotations

import pytest

from vexlab_avocado.variant import kernel_of, parameters


def _variant(**values: object) -> dict[str, object]:
    nodes = [["/run/a", [["/run/a", name, value] for name, value in values.items()]]]
    return {"variant": nodes, "variant_id": "a-1234", "paths": ["/run/*"]}


def test_parameters_of_all_nodes_are_taken() -> None:
    two = {"variant": [*_list(_variant(kernel="6.12")), *_list(_variant(memory=512))]}
    assert parameters(two) == {"kernel": "6.12", "memory": "512"}


def _list(variant: dict[str, object]) -> list[object]:
    nodes = variant["variant"]
    assert isinstance(nodes, list)
    return nodes


@pytest.mark.parametrize("variant", [None, {}, {"variant": []}])
def test_no_variant_changes_nothing(variant: dict[str, object] | None) -> None:
    assert parameters(variant) == {}


def test_a_parameter_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`kernal`; did you mean `kernel`"):
        parameters(_variant(kernal="6.12"))
    with pytest.raises(ValueError, match="there are: kernel, flavour, target"):
        parameters(_variant(xyz=1))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "6.1"),
        ({"kernel": "6.12"}, "6.12"),
        ({"flavour": "kasan"}, "6.1-kasan"),
        ({"kernel": "6.12", "flavour": "distro"}, "6.12"),
        ({"kernel": "6.1-kasan", "flavour": "kasan"}, "6.1-kasan"),
    ],
)
def test_kernel_and_flavour_make_a_name(given: dict[str, str], name: str) -> None:
    assert kernel_of(given, "6.1") == name
