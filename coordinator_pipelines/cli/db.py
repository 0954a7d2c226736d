"""``coordinator db``: the schema of a challenge's database, and the group of what cares for it.

Add a command in a module of its own and name it here; avoid SQL and copying: they are storage's.
"""

from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.database import require_place
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.db_backup import backup, restore
from coordinator_pipelines.cli.db_prune import prune
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage import schema


@click.group()
def db() -> None:
    """The database of a challenge."""


@db.command()
@spec_option
def upgrade(spec: Path | None) -> None:
    """Create the schema, or bring it to this version; data stays."""
    url = settings.database_url(load_challenge(spec or starter_spec()).name)
    require_place(url)
    before = schema.current_revision(url)
    schema.upgrade(url)
    after = schema.current_revision(url)
    click.echo(f"schema at {after}" if before == after else f"schema {before} -> {after}")


for command in (backup, restore, prune):
    db.add_command(command)
