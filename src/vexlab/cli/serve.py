"""``vexlab serve``: results and runs that go on, in a browser; metrics for Prometheus."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from vexlab.cli.store import opened, place_of, results_option
from vexlab.config import load_settings
from vexlab.errors import InfraError, UsageError
from vexlab.results.store import FILE

_NEEDED = ("starlette", "uvicorn", "jinja2", "prometheus_client")
_VARIABLE = "VEXLAB_SERVE_TOKEN"


@click.command(name="serve")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=8642, show_default=True, help="Port to listen at.")
@click.option("--name", "names", multiple=True, help="A further host name by which browsers reach it; repeatable.")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"File with the token that is asked for (default: the variable {_VARIABLE}).",
)
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Certificate (PEM).")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its key (PEM).")
@click.option("--no-tls", is_flag=True, help="Another program adds TLS, or the network is a container's own.")
@results_option
def command(
    *,
    address: str,
    port: int,
    names: tuple[str, ...],
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    no_tls: bool,
    results_dir: str | None,
) -> None:
    """Show results, and runs while they go on, in a browser, and offer metrics to Prometheus at /metrics.

    Nothing can be changed from there. On this machine alone no token is needed; elsewhere one is, and TLS.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise UsageError(f"`vexlab serve` needs {', '.join(missing)}", hint="pip install 'vexlab[serve]'")
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together")
    from vexlab.metrics.exporter import Exporter
    from vexlab.serve.app import application
    from vexlab.serve.guard import access
    from vexlab.serve.server import Listen, server

    token = token_file.read_text().strip() if token_file else os.environ.get(_VARIABLE, "")
    allowed = access(address, names, token, tls=tls_cert is not None, plain=no_tls)
    folder, url = place_of(results_dir, load_settings(None))
    if not url and not (folder / FILE).is_file():
        raise UsageError(f"there are no results in {folder}", hint="`vexlab run` makes some; --results names a folder")
    with opened(results_dir) as store:
        exporter = Exporter(store)
        exporter.start()
        listen = Listen(address=address, port=port, cert=tls_cert, key=tls_key)
        scheme = "https" if tls_cert else "http"
        click.echo(f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}/", err=True)
        made = server(application(store, allowed, exporter.render), listen)
        made.run()
        if not made.started:
            raise InfraError(f"cannot listen at {address}, port {port}", hint="--port names another")
