"""``coordinator db prune``: delete raw records and notes of operation that nobody needs any more.

Add here what a challenge still needs, and so may not be deleted; avoid the deletion itself
(``storage.retention``).
"""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.spec_file import load_challenge

DAYS = click.IntRange(min=1, max=36500)


@click.command()
@spec_option
@click.option("--records-older-than", type=DAYS, metavar="DAYS", help="Delete feed records.")
@click.option(
    "--operation-older-than",
    type=DAYS,
    metavar="DAYS",
    help="Delete captures, leases and timings of live rounds.",
)
def prune(
    spec: Path | None, records_older_than: int | None, operation_older_than: int | None
) -> None:
    """Delete what is old and not needed. Predictions, truths, scores and boards stay."""
    if records_older_than is None and operation_older_than is None:
        raise click.UsageError("give --records-older-than or --operation-older-than, or both")
    challenge, now = load_challenge(spec or starter_spec()), datetime.now(UTC)
    for days in (records_older_than, operation_older_than):
        _require_enough(challenge, days)
    with closing(open_ledger(challenge)) as ledger:
        ledger.identify(challenge.identity)
        if records_older_than is not None:
            deleted = ledger.prune_feed_records(now - timedelta(days=records_older_than))
            click.echo(f"deleted {deleted:,} feed records")
        if operation_older_than is not None:
            deleted = ledger.prune_operation(now - timedelta(days=operation_older_than))
            click.echo(f"deleted {deleted:,} captures, leases and timings")


def _require_enough(challenge: Challenge, days: int | None) -> None:
    """Refuse to delete what a round that is not resolved, or a board to come, still needs."""
    configs = challenge.scheduled_prediction_configs
    reach = {
        "the longest of trailing_windows_hours": challenge.longest_window_hours * 3600,
        "truth.resolution_deadline_seconds": challenge.truth.resolution_deadline_seconds,
        "warm_up_seconds": challenge.warm_up_seconds,
        "the longest horizon": max(config.cadence.horizon_seconds for config in configs),
    }
    needed = timedelta(seconds=sum(reach.values()))
    if days is not None and timedelta(days=days) < needed:
        told = ", ".join(f"{name} ({seconds} s)" for name, seconds in reach.items())
        raise CoordinatorError(
            f"{days} days are too few: {challenge.name} needs {-(-needed // timedelta(days=1))} "
            f"days, from {told}"
        )
