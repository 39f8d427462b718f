"""Settings of one domain: thresholds, the module under test, and what is said of a wrong one."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vexlab.config import (
    AlertRule,
    Alerts,
    ComponentSettings,
    DomainSettings,
    ReportSettings,
    Results,
    RunSettings,
    Settings,
    Thresholds,
    load_settings,
)
from vexlab.errors import UsageError
from vexlab.model.machine import Accelerator
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.reproduce import settings_toml
from vexlab.session import Request, Stream
from vexlab.session.prepare import check_domains
from vexlab.tables import has_control
from vexlab.targets.own import own_target, with_module

# The keys and values of the documents that asked for them.
ASKED_FOR = """
[thresholds]
mount_s = 8
[domains.kernel_module]
module_name = "vexfs"
module_path = "out/vexfs.ko"
build_path = "source"
max_load_time = 30.0
max_unload_time = 10.0
memory_leak_threshold = 1048576
hang_detection_timeout = 60.0
stop_on_critical_failure = true
"""


def _settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "vexlab.toml"
    file.write_text(text)
    return load_settings(file)


def test_a_domain_has_settings_of_its_own(tmp_path: Path) -> None:
    settings = _settings(tmp_path, ASKED_FOR)
    domain = settings.domain("kernel_module")
    assert domain.over(settings.thresholds) == Thresholds(
        load_s=30.0, unload_s=10.0, mount_s=8.0, hang_s=60.0, memory_bytes_per_cycle=(1 << 20) / 20
    )
    assert domain.module_path == str(tmp_path / "out/vexfs.ko")
    assert domain.build_path == str(tmp_path / "source")
    assert domain.stop_on_critical_failure
    assert settings.domain("integration").over(settings.thresholds) == Thresholds(mount_s=8.0)
    assert not settings.domain("integration").stop_on_critical_failure


def test_a_load_may_take_five_seconds_unless_the_settings_say_more() -> None:
    assert Settings().domain("kernel_module").over(Settings().thresholds).load_s == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[domains.d]\nmax_laod_time = 3\n", r"\[domains\.d\]: unknown key `max_laod_time`.*max_load_time"),
        ("[domains.d]\nmax_load_time = 0\n", "max_load_time"),
        ("[domains.d]\nmax_load_time = '5 s'\n", "max_load_time"),
        ("[domains.d]\ncycles = 4\n", "cycles"),
        ("[domains]\nd = 3\n", "domains"),
        ("[thresholds]\nload_s = -1\n", "load_s"),
    ],
)
def test_a_wrong_setting_of_a_domain_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _settings(tmp_path, text)
    assert re.search(said, f"{caught.value.message} {caught.value.hint}")


def test_settings_are_written_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    settings = _settings(tmp_path / "first", ASKED_FOR)
    assert _settings(tmp_path, settings_toml(settings)) == settings


_WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12).filter(lambda text: not has_control(text))
_NAMES = _WORDS.filter(bool)
_TIMES = st.floats(min_value=1e-9, max_value=1e300)
_MAYBE = st.none() | _TIMES
_ALERTS = st.builds(
    Alerts,
    enabled=st.booleans(),
    webhook_url=_WORDS,
    format=st.sampled_from(["generic", "slack"]),
    rules=st.lists(st.builds(AlertRule, name=_WORDS, condition=_WORDS), max_size=3).map(tuple),
)
_SETTINGS = st.builds(
    Settings,
    results=st.builds(
        Results, folder=_WORDS.map(lambda words: f"/{words.replace('/', '')}"), keep_days=st.integers(0, 9)
    ),
    accel=st.sampled_from(Accelerator),
    memory=st.integers(1, 1 << 40),
    kernels=st.lists(_WORDS, max_size=3).map(tuple),
    environment=_WORDS,
    thresholds=st.builds(Thresholds, load_s=_TIMES, cycles=st.integers(5, 99)),
    run=st.builds(RunSettings, settle_s=st.none() | st.floats(allow_nan=False), case_s=_MAYBE, host_name=st.booleans()),
    report=st.builds(ReportSettings, formats=st.lists(_WORDS, max_size=3).map(tuple)),
    components=st.dictionaries(_NAMES, st.builds(ComponentSettings, timeout=_MAYBE), max_size=2),
    domains=st.dictionaries(_NAMES, st.builds(DomainSettings, module_name=_WORDS, max_load_time=_MAYBE), max_size=2),
    alerts=_ALERTS,
    suites=st.dictionaries(_NAMES, _NAMES.map(lambda words: f"/{words.replace('/', '')}"), max_size=2),
)


@given(settings=_SETTINGS)
@example(
    settings=Settings(
        results=Results(folder="/r"),
        alerts=Alerts(rules=(AlertRule(name="\U0001f600 slow", condition='failure_rate > 0.1 or "x"'),)),
    )
)
@example(settings=Settings(results=Results(folder="/r"), domains={"a.b ]": DomainSettings(module_name="\U0001f600")}))
def test_any_settings_are_written_as_they_are_read(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert _settings(Path(folder), settings_toml(settings)) == settings


SOURCED = Target(name="vexfs", fstype="vexfs", module="vexfs", file=Path("target.toml"), source=Path("src"))


def test_a_domain_may_test_another_source_and_another_module(tmp_path: Path) -> None:
    (tmp_path / "vexfs.ko").write_bytes(b"")
    own = DomainSettings(module_name="vexfs", module_path=str(tmp_path / "vexfs.ko"), build_path=str(tmp_path))
    assert own_target(SOURCED, own, "d") == dataclasses.replace(SOURCED, source=tmp_path)
    assert own_target(SOURCED, DomainSettings(), "d") == SOURCED
    tools = ModuleArtifact(target="vexfs", kernel="6.1", path=None, digest="d", tools=(("mkfs.vexfs", tmp_path),))
    artifact = with_module(tools, Path(own.module_path))
    assert (artifact.path, artifact.tools) == (tmp_path / "vexfs.ko", tools.tools)
    (tmp_path / "vexfs.ko").write_bytes(b"x")
    assert with_module(tools, Path(own.module_path)).digest != artifact.digest


@pytest.mark.parametrize(
    ("own", "source", "said"),
    [
        (DomainSettings(module_name="vexf"), "src", "is about the module `vexf`"),
        (DomainSettings(module_path="none/vexfs.ko"), "src", "does not exist"),
        (DomainSettings(module_path=__file__), "src", r"must be called vexfs\.ko"),
        (DomainSettings(build_path="/none"), "src", "the source folder /none does not exist"),
        (DomainSettings(module_path="vexfs.ko"), None, "comes with the kernel"),
    ],
)
def test_what_a_domain_cannot_test_is_told(own: DomainSettings, source: str | None, said: str) -> None:
    target = dataclasses.replace(SOURCED, source=Path(source) if source else None)
    with pytest.raises(UsageError, match=rf"\[domains\.d\] in the settings.*{said}"):
        own_target(target, own, "d")


def test_settings_of_no_domain_are_an_error(tmp_path: Path) -> None:
    settings = Settings(domains={"kernel_modul": DomainSettings()})
    request = Request(target="vexfs", kernels=("6.1",))
    with pytest.raises(UsageError, match="no domain `kernel_modul`") as caught:
        check_domains(SOURCED, request, settings, Stream(()))
    assert "did you mean `kernel_module`?" in caught.value.hint
    own_cases = dataclasses.replace(request, paths=("cases",))  # they may be of any domain
    check_domains(SOURCED, own_cases, settings, Stream(()))


def test_settings_of_a_domain_that_does_not_run_are_not_looked_at() -> None:
    settings = Settings(domains={"integration": DomainSettings(module_name="other")})
    request = Request(target="vexfs", kernels=("6.1",), domains=("kernel_module",))
    check_domains(SOURCED, request, settings, Stream(()))
    with pytest.raises(UsageError, match="about the module `other`"):
        check_domains(SOURCED, dataclasses.replace(request, domains=()), settings, Stream(()))
