"""From a request to a prepared pytest session over the domains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vexlab.domains import FOLDER, find_domains

_INI = FOLDER / "pytest.ini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked to do; empty or zero means "no matter"."""

    target: str
    kernels: tuple[str, ...]
    level: int = 0
    quick: bool = False
    duration_s: float = 0.0
    domains: tuple[str, ...] = ()
    domains_dirs: tuple[str, ...] = ()
    scenario: int = 0
    cases: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    jobs: int = 1
    accel: str = ""
    memory: int = 0
    cpus: int = 0
    config: str = ""
    sandbox: str = ""
    artifact: str = ""
    build_args: tuple[str, ...] = ()
    first_failure: bool = False
    order: str = ""
    seed: int | None = None
    expect: tuple[str, ...] = ()
    probe: bool = True
    strict: bool = False
    accept_refusals: bool = False


def pytest_arguments(request: Request, results: Path, temporary: Path | None = None) -> list[str]:
    """Return pytest's argument vector for ``request``: our plugin, our configuration, nobody else's.

    With ``temporary``, the folder of the cases' temporary files, the cases run in processes of their own: one that ends
    its process, or never comes to an end, does not take the run along. Without it everything happens here, which is
    for looking at cases, not for running them.
    """
    paths = list(request.paths) or [str(path) for path in find_domains(request.domains_dirs).values()]
    arguments = ["-p", "vexlab.plugin", "-c", str(_INI), "--rootdir", str(FOLDER), *paths]
    arguments += ["-p", "no:cacheprovider", "-p", "no:terminal", "--import-mode", "importlib"]
    arguments += ["--vexlab-target", request.target, "--vexlab-results", str(results)]
    for name, values in (
        ("kernel", request.kernels),
        ("domain", request.domains),
        ("case", request.cases),
        ("build-arg", request.build_args),
    ):
        for value in values:
            arguments += [f"--vexlab-{name}", value]
    for name in ("level", "scenario", "accel", "memory", "cpus", "config", "sandbox", "artifact", "order"):
        if value := getattr(request, name):
            arguments += [f"--vexlab-{name}", str(value)]
    if request.first_failure:
        arguments.append("--exitfirst")
    if request.duration_s:
        arguments += ["--vexlab-duration", str(request.duration_s)]
    for name in ("quick", "strict", "accept_refusals"):
        if getattr(request, name):
            arguments.append(f"--vexlab-{name.replace('_', '-')}")
    if temporary:
        # one case at a time for each worker: cases are long and few
        arguments += ["-n", str(request.jobs), "--dist", "load", "--maxschedchunk", "1", "--basetemp", str(temporary)]
    else:
        arguments += ["-p", "no:xdist"]
    return arguments
