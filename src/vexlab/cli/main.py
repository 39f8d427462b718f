"""The command line's root: finds commands, prints errors, chooses the exit status."""

from __future__ import annotations

import importlib
import os
import sys
import traceback

import click

from vexlab import __version__, runlog
from vexlab.errors import BuildError, VexlabError
from vexlab.tables import suggest

# Each is a module here with a ``command``; loaded only when asked for, so that `vexlab --help` is instant.
COMMANDS = {
    "run": "Run test cases against a target and give a verdict",
    "worker": "Run cases on this host for the runs of a cluster",
    "infra": "Make and remove environments of test machines with OpenTofu",
    "bench": "Measure, beside a reference filesystem and an earlier run",
    "monitor": "Watch a run while it goes on, from another terminal",
    "serve": "Show results and running runs in a browser, and metrics to Prometheus",
    "metrics": "Print metrics for Prometheus, or write them for node-exporter",
    "list": "List the cases a run would take, or the targets",
    "scenario": "Print a scenario as a checklist, with a run's results",
    "probe": "Find out what a filesystem can do, and how far",
    "build": "Build a target's module, for one kernel or several",
    "cache": "Say what the cache holds, and remove what is not needed",
    "kernels": "List, fetch, build and inspect kernels",
    "check": "Build a target, look at it, run its unit tests; no machine",
    "watch": "On each save: build, run what the change concerns",
    "bisect": "Find the commit that brought a problem, and prove it",
    "hooks": "Install git hooks that run cases before a commit or a push",
    "self-test": "Prove on this machine that what goes wrong is found",
    "completion": "Print the shell's completion of vexlab",
    "manual": "Print the manual page",
    "init": "Write a target.toml for a filesystem that has none",
    "config": "Show every setting with its unit, or check a file of them",
    "components": "List the components that a run can switch on",
    "migrate": "Convert settings and workflows of the old scripts",
    "compare-old": "Set an old result file beside a new run",
    "doctor": "Say what this machine can do, and what to do about the rest",
    "debug-info": "Write an archive for a bug report, without secrets",
    "vm": "Start, use and stop named machines",
    "fuzz": "Look for crashes with calls and images that nobody would make",
    "xfstests": "Run your xfstests against a target, each test in a fresh machine",
    "suites": "List test suites of others, and install them",
    "classify": "Read a kernel log and say what went wrong in it",
    "debug": "Open drgn on the memory of a machine whose kernel crashed, or gdb",
    "shell": "Run a case of a run again, and open a shell in its machine on the way",
    "coverage": "Say what a run reached of the source, and what it never tried",
    "trace": "Trace the module's functions in a guest; say where an error came from",
    "selfcheck": "Build known defects into a target and see which are found",
    "campaign": "Search for problems for hours, sharing the time by what finds most",
    "results": "Show earlier runs, keep one for good, remove old ones",
    "problems": "List what is wrong, and since when it is known",
    "report": "Write a run as a page, a comment, tables, for CI",
    "compare": "Say what changed from one run to another",
    "flaky": "List cases that pass and fail, and how sure a regression is",
    "explain": "Run a failed case again here and elsewhere, and say what follows",
    "baseline": "Name the run with which later ones are compared",
    "trend": "Show how a case, a domain or a metric went over time",
}


_CLOSED_PIPE = 141  # 128 + SIGPIPE, as a shell would say it


class LazyGroup(click.Group):
    """A group whose commands are imported when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands' names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"vexlab.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for a misspelt one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command `{args[0]}`: {suggest(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="vexlab")
@click.option("--debug", is_flag=True, help="Log what is done, and show tracebacks.")
def cli(*, debug: bool) -> None:
    """Prove in disposable virtual machines whether a Linux filesystem kernel module can be trusted."""
    if debug:
        os.environ[runlog.DEBUG] = "1"
    runlog.to_terminal()


def main() -> None:
    """Run the command line and exit."""
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        status = _say("interrupted", "", 130)
    except click.UsageError as error:
        error.show()
        status = 2
    except click.ClickException as error:
        status = _say(error.format_message(), "", 2)
    except VexlabError as error:
        status = _say(error.message, error.hint, error.exit_code)
        if isinstance(error, BuildError) and os.environ.get(runlog.DEBUG):
            click.echo(error.log, err=True)
    except KeyboardInterrupt:
        status = _say("interrupted", "", 130)
    except (BrokenPipeError, SystemExit):  # click ends by the second where nobody reads what it prints, and only there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _CLOSED_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort: a bug of ours is an infrastructure fault, never the module's
        if os.environ.get(runlog.DEBUG):
            traceback.print_exc()
        status = _say(
            f"internal error: {type(error).__name__}: {error}",
            "`vexlab --debug …` shows where; please report it",
            3,
        )
    sys.exit(status if isinstance(status, int) else 0)


def _say(message: str, hint: str, status: int) -> int:
    click.echo(f"vexlab: {message}", err=True)
    if hint:
        click.echo(f"  → {hint}", err=True)
    return status
