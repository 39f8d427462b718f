"""Workflows, the composite action and the plain script: they are linted, and bash runs what their steps say."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "vexlab" / "action.yml"
GITLAB = ROOT / "ci" / "gitlab.yml"


def _steps() -> Iterator[tuple[str, str, str]]:
    """Yield each step that runs a shell: file, name, text."""
    for file in (*WORKFLOWS, ACTION):
        data = yaml.safe_load(file.read_text())
        groups = [job.get("steps", []) for job in data.get("jobs", {}).values()] or [data["runs"]["steps"]]
        for step in (step for steps in groups for step in steps):
            if "run" in step:
                yield file.stem, step["name"], step["run"]
    for name, job in yaml.safe_load(GITLAB.read_text()).items():
        for line in [*job.get("script", []), *job.get("before_script", [])] if name != "variables" else []:
            yield "gitlab", name, line


STEPS = list(_steps())
IDS = [f"{file}: {name}" for file, name, _ in STEPS]


def test_there_are_steps() -> None:
    assert len(STEPS) >= 12


@pytest.mark.parametrize(("file", "name", "text"), STEPS, ids=IDS)
def test_bash_can_read_each_step(file: str, name: str, text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("file", "name", "text"), STEPS, ids=IDS)
def test_no_step_holds_words_of_others_as_shell(file: str, name: str, text: str) -> None:
    assert "${{" not in text, "what an event says comes by `env`, never into the text that a shell reads"


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not installed (github.com/rhysd/actionlint)")
def test_actionlint_has_nothing_to_say() -> None:
    done = subprocess.run(["actionlint", "-no-color", *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_workflows_call_is_there() -> None:
    for file in WORKFLOWS:
        for used in _used(yaml.safe_load(file.read_text())):
            if used.startswith("./"):
                path = ROOT / used
                assert path.is_file() or (path / "action.yml").is_file(), used
            else:
                assert "@" in used


def _used(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (value for key, value in data.items() if key == "uses")
        for value in data.values():
            yield from _used(value)
    elif isinstance(data, list):
        for value in data:
            yield from _used(value)


def test_inputs_that_are_given_are_declared() -> None:
    declared = set(yaml.safe_load(ACTION.read_text())["inputs"])
    run = yaml.safe_load((ROOT / ".github" / "workflows" / "run.yml").read_text())
    (given,) = [step["with"] for step in run["jobs"]["run"]["steps"] if step.get("uses", "").endswith("actions/vexlab")]
    assert set(given) <= declared
    inputs = set(run[True]["workflow_call"]["inputs"])  # YAML 1.1 reads `on` as true
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    for job in ci["jobs"].values():
        assert set(job.get("with", {})) <= inputs


@pytest.fixture
def around(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a step: vexlab of this checkout on PATH, and the files that GitHub gives."""
    shim = tmp_path / "bin" / "vexlab"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m vexlab "$@"\n')
    shim.chmod(0o755)
    (tmp_path / "output").touch()
    return {
        **os.environ,
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "GITHUB_ACTION_PATH": str(ACTION.parent),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "VEXLAB": "vexlab",
        "VEXLAB_RESULTS": str(tmp_path / "results"),
    }


def _run(name: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does: bash with -e and pipefail."""
    (text,) = {each for _, found, each in STEPS if found == name}
    file = folder / "step.sh"
    file.write_text(text)
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def _outputs(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())


def test_the_cache_has_a_name(around: dict[str, str], tmp_path: Path) -> None:
    done = _run("Name the cache", {**around, "VEXLAB_CACHE": "/c"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert _outputs(tmp_path)["key"].startswith("vexlab-")
    assert _outputs(tmp_path)["folder"] == "/c"


def test_the_step_that_runs_passes_everything_on(around: dict[str, str], tmp_path: Path) -> None:
    more = {"TARGET": str(ROOT / "targets" / "vexfs"), "ARGS": "--level 1 --quick --plan", "SHARD": "1/2"}
    done = _run("Run", {**around, **more}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "nothing was run" in done.stdout
    assert _outputs(tmp_path) == {"status": "0", "sarif": ""}


def test_the_step_that_runs_tells_its_status(around: dict[str, str], tmp_path: Path) -> None:
    more = {"TARGET": "nonesuch", "ARGS": "--domain nonesuch", "SHARD": ""}
    done = _run("Run", {**around, **more}, tmp_path)
    assert done.returncode == 2
    assert _outputs(tmp_path)["status"] == "2"


def test_the_comment_is_all_parts_and_bounded(around: dict[str, str], tmp_path: Path) -> None:
    """`gh` writes down what it is called with; GitHub itself is not reached."""
    (tmp_path / "bin" / "gh").write_text('#!/bin/sh\necho "$@" > called\n')
    (tmp_path / "bin" / "gh").chmod(0o755)
    for part in ("one", "two"):
        (tmp_path / "parts" / part / "run").mkdir(parents=True)
        (tmp_path / "parts" / part / "run" / "report.md").write_text(f"# {part}\n" + "x" * 50_000)
    done = _run("Comment on the pull request", {**around, "NUMBER": "7", "REPOSITORY": "a/b"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "called").read_text().startswith("pr comment 7 --repo a/b")
    assert len((tmp_path / "short.md").read_bytes()) == 60_000


def test_a_run_becomes_the_next_ones_baseline(around: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "vexlab-results" / "run").mkdir(parents=True)
    (tmp_path / "baseline" / "old").mkdir(parents=True)
    done = _run("Make these results the baseline", {**around, "RESULTS": "vexlab-results"}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [each.name for each in (tmp_path / "baseline").iterdir()] == ["run"]


class _Hook(http.server.BaseHTTPRequestHandler):
    said: list[dict[str, str]] = []  # noqa: RUF012 - the server makes an object for each request

    def do_POST(self) -> None:
        self.said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_failure_is_told_to_the_webhook(around: dict[str, str], tmp_path: Path) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = f"http://127.0.0.1:{server.server_port}/"
    argv = [str(ROOT / "scripts" / "ci"), "--domain", "nonesuch"]
    done = subprocess.run(argv, env={**around, "VEXLAB_WEBHOOK": hook}, cwd=tmp_path, capture_output=True, timeout=300)
    server.shutdown()
    assert done.returncode == 2
    assert [list(each) for each in _Hook.said] == [["text"]]
