"""``coordinator db backup`` and ``restore``: a challenge's database to a file and back.

Add here what is said of them; avoid how they are done (``storage.backup.backup``).
"""

from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.database import require_place
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.backup import backup as copies

_file = click.argument("file", type=click.Path(path_type=Path))


@click.command()
@_file
@spec_option
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, spec: Path | None, force: bool) -> None:
    """Write the challenge's database to FILE, whole; the challenge may run meanwhile."""
    url = settings.database_url(load_challenge(spec or starter_spec()).name)
    size = copies.backup(url, file, settings.child_environment(), overwrite=force)
    click.echo(f"{file}: {size:,} bytes")


@click.command()
@_file
@spec_option
@click.option("--force", is_flag=True, help="Replace the challenge that the database holds.")
def restore(file: Path, spec: Path | None, force: bool) -> None:
    """Replace the challenge's database by what FILE holds. Stop the challenge first."""
    challenge = load_challenge(spec or starter_spec())
    url = settings.database_url(challenge.name)
    require_place(url)
    held = copies.restore(
        url,
        file,
        challenge.identity,
        settings.child_environment(),
        overwrite=force,
    )
    click.echo(f"restored from {file}: {held}")
    if held.revision != schema.head_revision():
        click.echo("the schema is older than this version's: run `coordinator db upgrade`")
