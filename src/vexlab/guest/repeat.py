"""What ``repeat_failures.py`` and ``repeat_operations.py`` are told and what they print. Pure.

The programs are in ``workloads/scripts``.
"""

from __future__ import annotations

import re

from vexlab.workloads import SCRIPTS

FAILURES, OPERATIONS = SCRIPTS / "repeat_failures.py", SCRIPTS / "repeat_operations.py"
FAILURE_GROUPS = ("xattrs", "names", "opens", "calls", "vectors")
# Each group of operations, with the capabilities without which it can do nothing over and over.
OPERATION_GROUPS = {
    "names": "create unlink",
    "data": "create write unlink",
    "stat": "create write",
    "attributes": "create unlink xattr",
    "vectors": "create unlink",
    "cold": "create",
}

# mkdir('dir',) gave success, not EEXIST
_GAVE = re.compile(r"^[a-z]\w*.* gave (?:success|E[A-Z0-9]+|\d+|None), not .*$", re.MULTILINE)


def unexpected(text: str) -> tuple[str, ...]:
    """Return each operation that did not fail as it must, once, with what it gave and what it must give."""
    return tuple(dict.fromkeys(_GAVE.findall(text)))
