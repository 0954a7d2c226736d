"""``coordinator leaderboard``: the newest board of a challenge."""

from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.cli.board import show_board
from coordinator_pipelines.cli.location import starter_spec
from coordinator_pipelines.cli.terminal import open_console, program
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import CoordinatorError
from coordinator_pipelines.domain.ledger import Mode
from coordinator_pipelines.domain.round import from_epoch
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.storage.sql_ledger import SqlLedger


@click.command()
@click.option(
    "--spec", type=click.Path(path_type=Path), help="The challenge; default: the starter."
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    help="The newest board at this instant, with zone: 2026-11-02T00:00Z.",
)
def leaderboard(spec: Path | None, as_of: datetime | None) -> None:
    """Print the newest leaderboard."""
    print_newest(open_console(), load_challenge(spec or starter_spec()), until=as_of)


def print_newest(console: Console, challenge: Challenge, *, until: datetime | None) -> None:
    """Print the newest board at or before an instant.

    Raises:
        CoordinatorError: there is none.
    """
    ledger = SqlLedger(
        settings.database_url(challenge.name), statistics_bucket=challenge.statistics_bucket
    )
    try:
        boards = ledger.newest_leaderboard(Mode.REPLAY, until or from_epoch(2**33))
    finally:
        ledger.close()
    if boards.empty:
        when = f" as of {until:%Y-%m-%d %H:%M:%S %Z}" if until else " yet"
        raise CoordinatorError(
            f"{challenge.name} has no leaderboard{when}; `{program()} demo` makes some"
        )
    show_board(console, challenge, boards.iloc[-1])
