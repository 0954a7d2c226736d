"""``coordinator dev``: the Dagster UI and daemon on this machine's data."""

import os

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli import location
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.storage import schema


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def dev(port: int) -> None:
    """Open the Dagster UI with the starter challenge and every challenge made by a demo."""
    starter = location.starter()
    schema.upgrade(settings.database_url(starter.challenge.name))
    instance = LocalInstance.prepare(location.known_workspaces())
    click.echo(f"Dagster UI: http://localhost:{port} (Ctrl-C stops it)")
    command = instance.command("dagster", "dev", "--port", str(port))
    os.execve(command[0], command, instance.environment)
