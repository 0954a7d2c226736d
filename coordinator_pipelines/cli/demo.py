"""``coordinator demo``: days of the starter challenge from price records to a leaderboard."""

from datetime import timedelta
from pathlib import Path

import click
from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.cli import location
from coordinator_pipelines.cli.backfill import backfill
from coordinator_pipelines.cli.instance import LocalInstance
from coordinator_pipelines.cli.leaderboard import print_newest
from coordinator_pipelines.cli.price_file import challenge_on_prices
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.round import Window, windows_between
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.database import describe, parse_url


@click.command()
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    help="Candles (CSV, CSV.gz or Parquet; docs/feeds.md) instead of simulated prices.",
)
@click.option("--asset", default="BTC", show_default=True, help="What the file prices.")
@click.option("--symbol", help="Its symbol in the file, if the file has a symbol column.")
@click.option(
    "--days", type=click.IntRange(1), default=2, show_default=True, help="How much to backfill."
)
@click.option("--all", "everything", is_flag=True, help="Backfill the whole file.")
def demo(prices: Path | None, asset: str, symbol: str | None, days: int, everything: bool) -> None:
    """Backfill the starter challenge through Dagster and print its leaderboard.

    Without --prices, on simulated prices: the first days of the challenge. With --prices, as a
    challenge of its own with its own database: the last days of the file.
    """
    console = Console()
    if prices is None:
        where = location.starter()
        windows = _first(where.challenge, days)
    else:
        where = location.derived(challenge_on_prices(prices, asset, symbol))
        windows = _last(where.challenge, None if everything else days)
    _run(console, where, windows)


def _run(console: Console, where: location.Location, windows: list[Window]) -> None:
    challenge = where.challenge
    console.print(f"[bold]{challenge.name}[/]: {_source(challenge)}")
    for notice in challenge.notices():
        console.print(f"  {notice}")
    url = settings.database_url(challenge.name)
    schema.upgrade(url)
    instance = LocalInstance.prepare([where.workspace])
    seconds = backfill(console, instance, challenge, windows)
    print_newest(console, challenge, until=windows[-1].end)
    console.print(f"Prices: {_source(challenge)}")
    console.print(
        f"Took {seconds:.0f} s for {len(windows)} windows; database: {describe(parse_url(url))}"
    )
    console.print(
        "Next: [bold]make dev[/] opens the Dagster UI on http://localhost:3000 with this data "
        "(assets, checks, backfills);\n"
        "      [bold]coordinator demo --prices FILE[/] does the same on real prices."
    )


def _source(challenge: Challenge) -> str:
    feed = challenge.feed
    if feed.provider == "simulated":
        return f"[bold yellow]SIMULATED[/] prices (seed {feed.seed}); no market data is shipped"
    return f"real prices from {feed.path}"


def _first(challenge: Challenge, days: int) -> list[Window]:
    end = challenge.start + timedelta(days=days)
    return list(windows_between(challenge.start, end, challenge.window_length))


def _last(challenge: Challenge, days: int | None) -> list[Window]:
    if challenge.end is None:
        raise AssertionError("a challenge on a price file ends with it")
    start = challenge.start
    if days is not None:
        start = max(start, challenge.end - timedelta(days=days))
    return list(windows_between(start, challenge.end, challenge.window_length))
