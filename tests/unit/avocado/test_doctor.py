"""What doctor says of Avocado."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.doctor import avocado

PLUGINS = """\
Plugins that add new options to commands (avocado.plugins.cli):
vexlab        Options of the vexlab plugin
yaml_to_mux   YamlToMux options for the 'run' subcommand

Plugins that resolve test references (avocado.plugins.resolver):
exec-test             Test resolver for executable files to be handled as tests
vexlab                Cases of vexlab: vexlab:level1, vexlab:domain/NAME, vexlab:case/ID
"""
VT = "avocado-vt            Test resolver for Avocado-VT tests\n"


def _told(version: str, plugins: str, **there: bool) -> dict[str, bool]:
    return {check.name: check.ok for check in avocado.checks("/a/avocado", version, plugins, there)}


def test_no_avocado_is_said_with_the_next_step() -> None:
    (check,) = avocado.checks("", "", "", {})
    assert not check.ok
    assert "scripts/avocado-tools" in check.fix
    assert avocado.VARIABLE in check.fix


def test_a_whole_installation() -> None:
    assert _told("Avocado 113.0", PLUGINS) == {"avocado": True, "plugin of vexlab": True, "variants": True}


def test_the_plugin_counts_only_where_it_resolves() -> None:
    lacking = "\n".join(line for line in PLUGINS.splitlines() if "vexlab:" not in line and "yaml" not in line)
    assert _told("Avocado 113.0", lacking) == {"avocado": True, "plugin of vexlab": False, "variants": False}


def test_programs_of_avocado_vt_matter_only_with_it() -> None:
    told = _told("Avocado 113.0", PLUGINS + VT, tcpdump=True)
    assert (told["tcpdump"], told["nc"], told["arping"]) == (True, False, False)
    assert "tcpdump" not in _told("Avocado 113.0", PLUGINS)


def test_an_avocado_that_does_not_answer_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(avocado.VARIABLE, str(tmp_path / "none"))
    (check,) = avocado.look(tmp_path)
    assert not check.ok
    assert "does not answer" in check.detail
