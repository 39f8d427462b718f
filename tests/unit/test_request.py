"""One field of a request is one option everywhere: of `vexlab run`, of the pytest session, of a command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import pytest

from vexlab.cli.options import request_of, request_options
from vexlab.cli.run import command as run
from vexlab.config import Settings, settings_for
from vexlab.errors import UsageError
from vexlab.model.machine import Accelerator
from vexlab.model.request import DEFAULTS, OPTIONS, Request, command_line, words
from vexlab.plugin.options import pytest_addoption
from vexlab.plugin.options import request_of as session_request
from vexlab.session import pytest_arguments

CASES = "--vexlab-"  # what options of the session begin with

# Each field with another value than its default.
FULL = Request(
    target="ext4",
    kernels=("6.1", "6.12"),
    flavour="kasan",
    images=("deb",),
    configurations=("default", "small_blocks"),
    level=2,
    quick=True,
    benchmarks=True,
    duration_s=5400.0,
    domains=("integration", "kernel_module"),
    domains_dirs=("/tmp",),
    scenario=3,
    phase="basic",
    safety="risky",
    cases=("integration.load[6.1]", "-odd"),
    skip=("integration.*", "-odd"),
    only="/dev/null",
    enabled=("benchmarks", "own"),
    shard="2/3",
    retry=0,
    stress="2h",
    paths=("/tmp",),
    suites=("fsx", "pjdfstest"),
    xfstests=True,
    suite_groups=("generic/quick", "vexfs"),
    suite_tests=("generic/001 generic/00?",),
    suite_exclude="/dev/null",
    suite_tree="/tmp",
    resume="last",
    jobs=4,
    config="own.toml",
    accel=Accelerator.TCG,
    memory=512,
    cpus=4,
    sandbox="off",
    build_args=("-DX=1", "A=b c"),
    first_failure=True,
    order="/dev/null",
    seed=0,
    expect=("kernel=1",),
    known="/dev/null",
    strict=True,
    accept_refusals=True,
    probe=False,
    profile="/dev/null",
    trace=True,
    trace_probes=("mount", "vexfs:vexfs_lookup"),
    trace_errno="EEXIST",
    coverage=True,
    inputs=True,
    rare=__file__,
    artifact="/tmp",
    environment="ci",
    cluster="local:2",
)


def _parsed(words: list[str]) -> Request:
    """Return the request that click makes of the words after ``vexlab run``."""

    @click.command()
    @click.argument("paths", nargs=-1)
    @request_options()
    def command(**asked: object) -> Request:
        return request_of(asked)

    found = command.main(words, standalone_mode=False)
    assert isinstance(found, Request)
    return found


def test_every_field_is_tried() -> None:
    fields = {each.name for each in dataclasses.fields(Request)}
    assert {name for name in fields if getattr(FULL, name) != DEFAULTS[name]} == fields
    assert set(OPTIONS) == fields - {"paths"}


@pytest.mark.parametrize("request_", [FULL, Request(), dataclasses.replace(FULL, accel=Accelerator.AUTO, seed=7)])
def test_a_command_line_says_the_whole_request(request_: Request) -> None:
    assert _parsed(command_line(request_)) == request_


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_alone(name: str) -> None:
    request = Request(**{name: getattr(FULL, name)})
    assert _parsed(command_line(request)) == request


def test_run_has_each_option_once() -> None:
    flags = [flag for parameter in run.params for flag in parameter.opts if isinstance(parameter, click.Option)]
    assert len(flags) == len(set(flags))
    assert {f"--{option.flag}" for option in OPTIONS.values()} <= set(flags)


def test_the_session_of_the_cases_is_asked_for_the_same() -> None:
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    given = parser.parse(
        [word for name, option in OPTIONS.items() if option.cases for word in words(FULL, name, CASES)]
    )
    config = cast("pytest.Config", SimpleNamespace(getoption=lambda name: getattr(given, name)))
    others: dict[str, Any] = {
        name: DEFAULTS[name] for name in DEFAULTS if name not in OPTIONS or not OPTIONS[name].cases
    }
    assert session_request(config) == dataclasses.replace(FULL, **others)


def test_what_only_the_session_as_a_whole_needs_is_given_to_pytest(tmp_path: Path) -> None:
    arguments = pytest_arguments(FULL, tmp_path, tmp_path)
    assert "--exitfirst" in arguments
    assert arguments[arguments.index("-n") + 1] == "4"
    assert "--exitfirst" not in pytest_arguments(Request(), tmp_path)


def test_what_a_request_says_goes_over_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own.toml"
    file.write_text('memory = 128\ncpus = 1\naccel = "kvm"\nkernels = ["6.12"]\n')
    settings = settings_for(Request(config=str(file), memory=512, sandbox="off"))
    assert (settings.memory, settings.cpus, settings.accel, settings.kernels) == (512, 1, Accelerator.KVM, ("6.12",))
    assert settings.sandbox == "off"
    assert settings_for(Request()) == Settings()


def test_as_many_machines_as_fit_is_a_word() -> None:
    assert command_line(Request(jobs=0)) == ["--jobs", "auto"]
    assert _parsed(["--jobs", "auto"]).jobs == 0


@pytest.mark.parametrize("words", [["--shard", "2"], ["--stress", "often"], ["--stress", "2d"], ["--jobs", "-1"]])
def test_what_is_of_another_form_is_refused(words: list[str]) -> None:
    with pytest.raises(click.UsageError):
        _parsed(words)


def test_a_wrong_value_is_the_users() -> None:
    with pytest.raises(UsageError, match="accel"):
        request_of({"accel": "vmx"})
