"""From a request to a prepared pytest session over the domains."""

from __future__ import annotations

from pathlib import Path

from vexlab.components import CASES, installed
from vexlab.domains import FOLDER, find_domains
from vexlab.model.request import OPTIONS, Request, runs_domains, suites_of, words
from vexlab.suites import node_of

_INI = FOLDER / "pytest.ini"


def pytest_arguments(request: Request, results: Path, temporary: Path | None = None) -> list[str]:
    """Return pytest's argument vector for ``request``: our plugin, our configuration, nobody else's.

    With ``temporary``, the folder of the cases' temporary files, the cases run in processes of their own: one that ends
    its process, or never comes to an end, does not take the run along. Without it everything happens here, which is
    for looking at cases, not for running them.
    """
    paths = list(request.paths)
    if not paths and runs_domains(request):
        paths = [str(path) for path in find_domains(request.domains_dirs).values()]
    paths += [node_of(name) for name in suites_of(request)]
    if set(request.enabled) & set(installed()):
        paths.append(str(CASES))
    arguments = ["-p", "vexlab.plugin", "-c", str(_INI), "--rootdir", str(FOLDER), *paths]
    # unraisableexception collects all garbage ten times at the end of each process, for warnings that nobody is shown
    arguments += [f"-pno:{each}" for each in ("cacheprovider", "terminal", "unraisableexception")]
    arguments += ["--import-mode", "importlib"]
    arguments += [f"--vexlab-results={results}"]
    for name, option in OPTIONS.items():
        if option.cases:
            arguments += words(request, name, "--vexlab-")
    if request.first_failure:
        arguments.append("--exitfirst")
    if temporary:
        # one case at a time for each worker: cases are long and few
        arguments += ["-n", str(request.jobs), "--dist", "load", "--maxschedchunk", "1", "--basetemp", str(temporary)]
    else:
        arguments += ["-p", "no:xdist"]
    return arguments
