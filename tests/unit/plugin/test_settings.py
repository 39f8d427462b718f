"""What the settings say of a domain reaches its cases, and no others."""

from __future__ import annotations

import pytest
from tests.unit.plugin.conftest import Run

LIMITS = """
def test_limits(machine, thresholds):
    assert (thresholds.load_s, thresholds.hang_s, thresholds.cycles) == {expected}
"""
SETTINGS = "[run]\nsettle_s = 0\n[domains.own]\n"


def test_thresholds_are_the_domains(run: Run) -> None:
    settings = f"{SETTINGS}max_load_time = 30\ncycles = 7\n[domains.other]\nmax_load_time = 1\n"
    assert run(LIMITS.format(expected=(30.0, 10.0, 7)), settings=settings).case("limits")["verdict"] == "passed"


def test_thresholds_without_settings_of_the_domain(run: Run) -> None:
    settings = "[thresholds]\nhang_s = 60\n[domains.other]\nmax_load_time = 1\n"
    assert run(LIMITS.format(expected=(5.0, 60.0, 20)), settings=settings).case("limits")["verdict"] == "passed"


STOPPING = """
def test_a(machine): machine.exec(["true"])
def test_b(machine): {what}
def test_c(machine): machine.exec(["true"])
@pytest.mark.domain("other")
def test_d(machine): machine.exec(["true"])
"""


@pytest.mark.parametrize(
    ("what", "setting", "verdicts"),
    [
        ("machine.exec(['oops'])", "true", ["passed", "crashed", "skipped", "passed"]),
        ("machine.exec(['vanish'])", "true", ["passed", "crashed", "skipped", "passed"]),
        ("machine.exec(['oops'])", "false", ["passed", "crashed", "passed", "passed"]),
        ("assert False", "true", ["passed", "failed", "passed", "passed"]),
    ],
)
def test_a_critical_failure_stops_the_domain_alone(run: Run, what: str, setting: str, verdicts: list[str]) -> None:
    ran = run(STOPPING.format(what=what), settings=f"{SETTINGS}stop_on_critical_failure = {setting}\n")
    assert [ran.case(f"{name}[")["verdict"] for name in "abcd"] == verdicts
    assert ran.status == 1
    if "skipped" in verdicts:
        words = "own.b[6.1] crashed, and stop_on_critical_failure is set for own"
        assert ran.case("c[")["reason"] == words


ARTIFACT = """
def test_artifact(machine, target, artifact, profile):
    assert (artifact.path.read_bytes(), target.source.name) == {expected}
    assert profile is None
@pytest.mark.domain("other")
def test_others(machine, artifact):
    assert artifact.path.read_bytes() == b"built"
"""


def test_a_domain_has_a_module_of_its_own(run: Run, pytester: pytest.Pytester) -> None:
    for folder, content in (("out", b"given"), ("mine", b"")):
        (pytester.path / folder).mkdir()
        (pytester.path / folder / "evil.ko").write_bytes(content)
    settings = f'{SETTINGS}module_name = "evil"\nmodule_path = "out/evil.ko"\nbuild_path = "mine"\n'
    ran = run(ARTIFACT.format(expected=(b"given", "mine")), settings=settings)
    assert [ran.case(name)["verdict"] for name in ("artifact", "others")] == ["passed", "passed"]
    kept = {folder.name: (folder / "evil.ko").read_bytes() for folder in (ran.results / "artifacts").iterdir()}
    assert kept.pop("6.1") == b"built", "the run's own"
    assert list(kept.values()) == [b"given"]
    (name,) = kept
    assert f"artifacts/{name}" in (ran.evidence("artifact") / "reproduce").read_text()


def test_a_domains_own_source_that_does_not_build_fails(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "broken").mkdir()
    cases = "def test_it(machine): pass\n@pytest.mark.domain('other')\ndef test_others(machine): pass\n"
    ran = run(cases, settings=f'{SETTINGS}build_path = "broken"\n')
    assert ran.case("it[")["verdict"] == "failed"
    assert ran.case("it[")["reason"] == "the module does not build"
    assert ran.case("others")["verdict"] == "passed"


def test_the_runs_source_that_does_not_build_is_told_by_one_case(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "broken").mkdir()
    target = pytester.path / "target.toml"
    target.write_text(target.read_text().replace("src", "broken"))
    ran = run("def test_it(machine): pass\n")
    assert ran.case("it")["verdict"] == "skipped"
    assert "kernel_module.build has the compiler's words" in ran.case("it")["reason"]


def test_a_module_that_is_given_to_the_run_goes_before_the_domains(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "evil.ko").write_bytes(b"of the run")
    cases = "def test_it(machine, artifact): assert artifact.path.read_bytes() == b'of the run'\n"
    given = f"--vexlab-artifact={pytester.path / 'evil.ko'}"
    ran = run(cases, given, settings=f'{SETTINGS}module_path = "none/evil.ko"\nbuild_path = "none"\n')
    assert ran.case("it")["verdict"] == "passed"
