"""``coordinator dev``: the Dagster UI and daemon on this machine's data."""

import os
import socket

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli import location
from coordinator_pipelines.cli.backfill import clear_abandoned
from coordinator_pipelines.cli.daemon import sole_daemon
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.storage import schema

HOST = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def dev(port: int) -> None:
    """Open the Dagster UI with the starter challenge and every challenge made by a demo."""
    _require_free(port)
    starter = location.starter()
    schema.upgrade(settings.database_url(starter.challenge.name))
    instance = LocalInstance.prepare(location.known_workspaces())
    with sole_daemon(instance.directory) as reservation:
        clear_abandoned(instance)
        click.echo(f"Dagster UI: http://localhost:{port} (ready in a few seconds; Ctrl-C stops it)")
        os.set_inheritable(reservation, True)
        command = instance.command("dagster", "dev", "--host", HOST, "--port", str(port))
        os.execve(command[0], command, instance.environment)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CoordinatorError(
                f"port {port} cannot be used ({error.strerror}); name another one: "
                "coordinator dev --port 3001 (make dev PORT=3001)"
            ) from None
