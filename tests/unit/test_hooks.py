"""Git hooks: what is written, that git runs it, that red stops and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from vexlab import process
from vexlab.cli.hooks import HOOKS
from vexlab.cli.main import cli
from vexlab.cli.run import command as run_command
from vexlab.errors import DeadlineError, UsageError

ROOT = Path(__file__).parents[2]


def _git(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words]
    around = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, env=around)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _install(*more: str) -> None:
    done = CliRunner().invoke(cli, ["hooks", "install", "--target", "nonesuch", *more])
    if done.exception:
        raise done.exception


def test_git_runs_what_was_installed(repository: Path) -> None:
    _install()
    (repository / "a").write_text("")
    _git(repository, "add", "a")
    done = _git(repository, "commit", "-m", "x")
    assert done.returncode == 0, "a target that is not there says nothing about the module"
    assert "the lab failed, nothing is said about the module" in done.stderr
    assert "pre-commit: status 2" in (repository / ".git" / "vexlab-hooks.log").read_text()


def test_a_reason_leaves_it_out_and_is_kept(repository: Path) -> None:
    _install()
    done = _git(repository, "commit", "--allow-empty", "-m", "x", VEXLAB_SKIP="work in\nprogress")
    assert done.returncode == 0
    (line,) = (repository / ".git" / "vexlab-hooks.log").read_text().splitlines()
    assert line.endswith("pre-commit: left out: work in progress")


@pytest.mark.parametrize(("status", "stops"), [(0, 0), (1, 1), (3, 0), (4, 0)])
def test_only_red_stops(repository: Path, monkeypatch: pytest.MonkeyPatch, status: int, stops: int) -> None:
    real = process.run

    def ended(argv: list[str], **more: object) -> process.Completed:
        if argv[0] == sys.executable:
            assert not any(key.startswith("GIT_") for key in more["env"])  # type: ignore[attr-defined]
            return process.Completed(argv=tuple(argv), returncode=status, stdout=b"verdict\n", stderr=b"")
        return real(argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("vexlab.cli.hooks.process.run", ended)
    monkeypatch.setenv("GIT_DIR", ".git")
    done = CliRunner().invoke(cli, ["hooks", "run", "pre-push"], standalone_mode=False)
    assert done.return_value == stops


def test_time_is_bounded(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = process.run

    def slow(argv: list[str], **more: object) -> process.Completed:
        if argv[0] == sys.executable:
            assert more["timeout"] == 60.0
            raise DeadlineError("late")
        return real(argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("vexlab.cli.hooks.process.run", slow)
    done = CliRunner().invoke(cli, ["hooks", "run", "pre-commit", "--within", "1m"], standalone_mode=False)
    assert done.return_value == 0
    assert "not known within 60 s" in done.stderr


def test_a_hook_of_somebody_elses_stays(repository: Path) -> None:
    file = repository / ".git" / "hooks" / "pre-commit"
    file.parent.mkdir(exist_ok=True)
    file.write_text("#!/bin/sh\n")
    with pytest.raises(UsageError, match="not vexlab's"):
        _install()
    assert file.read_text() == "#!/bin/sh\n"
    _install("--force")
    CliRunner().invoke(cli, ["hooks", "uninstall"])
    assert not file.exists()


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no git repository"):
        _install()


def test_what_the_hooks_run_is_understood() -> None:
    for options, _ in HOOKS.values():
        assert run_command.make_context("run", list(options)).params["level"]


def test_the_frameworks_file_names_commands_that_there_are() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        program, *words = hook["entry"].split()
        assert (program, words[:2]) == ("vexlab", ["hooks", "run"])
        assert words[2] in HOOKS
        assert hook["stages"] == [words[2]]
