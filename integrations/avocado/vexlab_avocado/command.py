"""vexlab as a program: where it is, what lists cases, what runs one."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vexlab_avocado.reference import Wish, case_id
from vexlab_avocado.variant import OPTIONS, kernel_of

SECTION = "vexlab"  # of Avocado's settings
VARIABLE = "VEXLAB_COMMAND"
STORE = "vexlab"  # in a test's folder: the store with evidence of its run
_LIST_S = 300.0
_NOTHING = 4  # vexlab's exit status

# Settings in Avocado's section [vexlab], and on the command line as --vexlab-NAME.
SETTINGS: Mapping[str, str] = {
    "target": "Target to test: a target.toml, its folder, or a name that vexlab knows (default: vexlab's own).",
    "kernel": "Kernels to run on, separated by blanks (default: those of vexlab's settings).",
    "options": "Further words for `vexlab run`, as a shell reads them: --vexlab-options='--retry 2'",
    "command": f"How vexlab is started (default: ${VARIABLE}, `vexlab` beside this Python, or on PATH).",
}


class VexlabError(Exception):
    """vexlab could not be asked; the message is for the user."""


def program(configured: str) -> list[str]:
    """Return the words that start vexlab; raise ``VexlabError`` where there is none."""
    words = shlex.split(configured or os.environ.get(VARIABLE, ""))
    if words:
        return words
    beside = Path(sys.executable).with_name("vexlab")
    found = str(beside) if beside.exists() else shutil.which("vexlab")
    if not found:
        raise VexlabError(
            f"there is no vexlab beside {sys.executable} or on PATH; "
            f"say where it is: --vexlab-command, `command` in [{SECTION}], or {VARIABLE}"
        )
    return [found]


def setting(config: Mapping[str, object], name: str) -> str:
    """Return a setting of ours from Avocado's configuration, empty where it is not set."""
    return str(config.get(f"{SECTION}.{name}") or "")


def list_cases(config: Mapping[str, object], wish: Wish) -> list[Mapping[str, object]]:
    """Return the rows of `vexlab list --json`, none where no case fits; raise ``VexlabError`` with vexlab's words."""
    argv = [*program(setting(config, "command")), "list", "--json", *wish.select, *_target(setting(config, "target"))]
    argv += [word for kernel in setting(config, "kernel").split() for word in ("--kernel", kernel)]
    try:
        ended = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LIST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VexlabError(f"{argv[0]} cannot be asked: {error}") from error
    if ended.returncode == _NOTHING:
        return []
    said = ended.stderr.decode(errors="replace").strip()
    try:
        rows = json.loads(ended.stdout)
    except ValueError:
        rows = None
    if ended.returncode or not isinstance(rows, list):
        raise VexlabError(said or f"`{shlex.join(argv)}` ended with status {ended.returncode}")
    return rows


def run_argv(
    config: Mapping[str, object],
    key: Mapping[str, str],
    source: Sequence[str],
    given: Mapping[str, str],
    folder: Path,
) -> tuple[list[str], str]:
    """Return the words that run the case ``key`` with the parameters ``given``, and the case's id then.

    The run's store (``STORE``), its results as JSON (``result.json``) and the list of cases (``case.txt``) go to
    ``folder``.
    """
    kernel = kernel_of(given, key.get("kernel", ""))
    case = case_id(key, kernel=kernel, configuration=given.get("configuration", key.get("configuration", "")))
    options = {
        "target": setting(config, "target"),
        "configuration": key.get("configuration", ""),
        **{name: value for name, value in given.items() if name in OPTIONS},
    }
    argv = [*program(setting(config, "command")), "run", *source]
    argv += [word for name, value in options.items() if value for word in (OPTIONS[name], value)]
    argv += ["--kernel", kernel] if kernel else []
    argv += ["--only-from", str(folder / "case.txt"), "--results", str(folder / STORE)]
    argv += ["--json", str(folder / "result.json"), *shlex.split(setting(config, "options"))]
    return argv, case


def _target(target: str) -> tuple[str, ...]:
    return ("--target", target) if target else ()
