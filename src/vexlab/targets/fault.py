"""What a failed build says: whose fault it is, the lines that tell why, and what to try next. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from vexlab.errors import BuildError, InfraError, UsageError, VexlabError
from vexlab.model.target import Tool
from vexlab.process import Completed
from vexlab.tables import visible

# Words in a build log that accuse the machine, not the source.
_HOST_FAULTS = (
    "No space left on device",
    "Disk quota exceeded",
    "Cannot allocate memory",
    "terminated program cc1",  # gcc: internal compiler error: Killed signal terminated program cc1
)
_READ_ONLY = ("Read-only file system",)  # in the sandbox it is what a build gets that writes elsewhere
_KEPT_AWAY = (*_READ_ONLY, "Network is unreachable", "name resolution", "Could not resolve host")
_SANDBOX_HINT = "in the sandbox a build writes to its own folder only and has no network; --sandbox=off trusts it"
_MOST = 20  # lines of a message
_ABOVE = 12
# super.c:10:5: error: 'x' undeclared · fatal error: x.h: No such file · ERROR: modpost: "x" [y.ko] undefined!
# make: *** No rule to make target 'x', needed by 'all'.  Stop. · Error: no such instruction · SyntaxError: invalid
_TELLING = re.compile(r"error:|undefined|No rule|" + "|".join(map(re.escape, _KEPT_AWAY)), re.IGNORECASE)
# make: *** [Makefile:2: all] Error 1    make[1]: *** No targets.  Stop.
_MAKES = re.compile(r"make(\[\d+\])?: \*\*\* ")
# make[1]: Entering directory 'source'
_WHERE = re.compile(r"make(\[\d+\])?: (Entering|Leaving) directory ")
# make: *** No targets specified and no makefile found.  Stop.
_NO_MAKEFILE = "no makefile found"
# super.c:10:5: error: 'x' undeclared
_COMPILERS = ": error:"


def shown_log(done: Completed, copy: Path, headers: Path) -> str:
    """Return what a command printed, without the paths of this machine."""
    log = visible(done.text + done.error_text)
    return log.replace(f"{copy}/", "").replace(str(headers), "<kernel>")


def fault_of(what: str, log: str, *, sandboxed: bool, tool: Tool | None = None) -> VexlabError:
    """Return the error of a failed build: the machine's where the log accuses it, else the source's, or ``tool``'s."""
    if any(words in log for words in (*_HOST_FAULTS, *(() if sandboxed else _READ_ONLY))):
        return InfraError(f"{what}, and not for the source's sake:\n{_errors(log)}", hint="is a disk or memory full?")
    kept_away = sandboxed and any(words in log for words in _KEPT_AWAY)
    return BuildError(f"{what}:\n{_errors(log)}", log=log, hint=_SANDBOX_HINT if kept_away else _try_next(log, tool))


def no_output(tool: Tool, output: str, log: str) -> UsageError:
    """Return the error of a build that ended well without making one of the tool's programs."""
    last = "\n".join(_said(log)[-_ABOVE:])
    words = f"building {tool.source} made no {output}"
    return UsageError(f"{words}; make said:\n{last}" if last else words, hint=_ask_for(output))


def _try_next(log: str, tool: Tool | None) -> str:
    if tool and _NO_MAKEFILE in log:
        return f"there is no Makefile in {tool.source}"
    if tool and not tool.args and tool.outputs and _COMPILERS not in log:
        return _ask_for(tool.outputs[0])
    return _first_file(log)


def _ask_for(output: str) -> str:
    return (
        f'without `args` make takes the first rule of the Makefile; `args = ["{output}"]` in [[tools]] asks for another'
    )


def _errors(log: str) -> str:
    """Return the lines that tell what went wrong; where none does, those above make's complaint, or the last ones."""
    lines = _said(log)
    telling = [line for line in lines if _TELLING.search(line)]
    if any(not _MAKES.match(line) for line in telling):
        return "\n".join(telling[:_MOST])
    makes = next((at for at, line in enumerate(lines) if _MAKES.match(line)), len(lines) - 1)
    return "\n".join(lines[max(0, makes - _ABOVE) : makes + _MOST - _ABOVE])


def _said(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.strip() and not _WHERE.match(line)]


def _first_file(log: str) -> str:
    for line in log.splitlines():
        if _COMPILERS in line:
            return f"the first error is at {':'.join(line.split(':')[:2])}"
    return ""
