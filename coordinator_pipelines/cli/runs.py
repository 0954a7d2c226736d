"""``coordinator runs``: the runs that Dagster remembers.

Add here what is said about them; avoid which ones are needed (``retention``).
"""

from datetime import UTC, datetime, timedelta

import click

from coordinator_pipelines.cli.views.terminal import warn
from coordinator_pipelines.stack.instance import retention, retention_storage
from coordinator_pipelines.stack.instance.instance import LocalInstance, open_instance

DAYS = click.IntRange(min=1, max=36500)


@click.group()
def runs() -> None:
    """The runs that Dagster remembers."""


@runs.command()
@click.option("--older-than", type=DAYS, metavar="DAYS", required=True, help="Age of the end.")
def prune(older_than: int) -> None:
    """Delete old runs with their logs; those that tell of a partition what it is now stay."""
    before = datetime.now(UTC) - timedelta(days=older_than)
    with open_instance(LocalInstance.prepare([], warn).directory) as instance:
        had, deleted = retention_storage.size(instance), 0
        for number in retention.prune(instance, before):
            deleted += number
            click.echo(f"{deleted:,} runs deleted")
        for file in retention_storage.compact(instance):
            click.echo(f"{file} is busy and stays as large as it is; its room is used again")
        has = retention_storage.size(instance)
    click.echo(
        f"{deleted:,} runs that ended before {before:%Y-%m-%d %H:%M} UTC are gone; Dagster's "
        f"storage: {had / 1e6:,.1f} MB -> {has / 1e6:,.1f} MB"
    )
