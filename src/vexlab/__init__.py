"""vexlab proves in disposable virtual machines whether a Linux filesystem kernel module can be trusted.

``from vexlab import VMManager`` gives what the command line uses; each name is imported when it is first asked for.
"""

import importlib

__version__ = "0.1.0"

# `pytest -p vexlab` is enough: this names the module that holds the hooks and fixtures.
pytest_plugins = ("vexlab.plugin",)

# What the library offers, and where it is; __init__.pyi says the same to type checkers.
_WHERE = {
    "DomainBase": "vexlab.plugin",
    "Request": "vexlab.session",
    "ResultCollector": "vexlab.library.collector",
    "StressTestFramework": "vexlab.library.stress",
    "TestResult": "vexlab.plugin",
    "TestStatus": "vexlab.plugin",
    "VMConfig": "vexlab.library.machines",
    "VMInstance": "vexlab.library.machines",
    "VMManager": "vexlab.library.machines",
    "execute": "vexlab.session",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'vexlab' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
