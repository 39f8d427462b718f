"""vexlab proves in disposable virtual machines whether a Linux filesystem kernel module can be trusted."""

__version__ = "0.1.0"

# `pytest -p vexlab` is enough: this names the module that holds the hooks and fixtures.
pytest_plugins = ("vexlab.plugin",)
