"""Settings of the plugin in Avocado's configuration, and as options of its commands."""

from __future__ import annotations

from avocado.core.plugin_interfaces import CLI, Init
from avocado.core.settings import settings

from vexlab_avocado.command import SECTION, SETTINGS

_COMMANDS = ("list", "run")


class VexlabInit(Init):  # type: ignore[misc] # avocado has no types
    """Registers the settings."""

    name = "vexlab"
    description = "Settings of the vexlab plugin"

    def initialize(self) -> None:
        """Register each with an empty default."""
        for name, about in SETTINGS.items():
            settings.register_option(section=SECTION, key=name, default="", help_msg=about)


class VexlabCLI(CLI):  # type: ignore[misc] # avocado has no types
    """Adds ``--vexlab-NAME`` to the commands that resolve references."""

    name = "vexlab"
    description = "Options of the vexlab plugin"

    def configure(self, parser: object) -> None:
        """Add the options."""
        commands = parser.subcommands.choices  # type: ignore[attr-defined] # avocado has no types
        for command in _COMMANDS:
            group = commands[command].add_argument_group("vexlab's cases (references vexlab:…)")
            for name in SETTINGS:
                settings.add_argparser_to_option(
                    namespace=f"{SECTION}.{name}",
                    parser=group,
                    long_arg=f"--vexlab-{name}",
                    metavar=name.upper(),
                    allow_multiple=True,
                )

    def run(self, config: object) -> None:
        """Do nothing: the settings speak for themselves."""
