"""``coordinator demo``: days of the starter challenge from price records to a leaderboard."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.markup import escape

from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.cli.challenge.backfill import backfill
from coordinator_pipelines.cli.challenge.database import open_ledger, set_up_database
from coordinator_pipelines.cli.challenge.price_file import DEMO, challenge_on_prices
from coordinator_pipelines.cli.checkpoint import print_preview
from coordinator_pipelines.cli.leaderboard import print_newest
from coordinator_pipelines.cli.views.price_options import format_option, time_zone_option
from coordinator_pipelines.cli.views.proof import proof_lines
from coordinator_pipelines.cli.views.terminal import open_console, warn
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of, windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.replay.lodgings import tier_here
from coordinator_pipelines.stack.command import program
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.workspaces import Location, known_workspaces
from coordinator_pipelines.storage.engine.database import describe, parse_url


@click.command()
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    help="One-minute candles (docs/feeds.md has the layouts) instead of simulated prices.",
)
@click.option("--asset", default="BTC", show_default=True, help="What the file prices.")
@click.option("--symbol", help="Its symbol in the file, if the file has a symbol column.")
@format_option
@time_zone_option
@click.option(
    "--days",
    type=click.IntRange(1),
    default=DEMO.days,
    show_default=True,
    help="How much to backfill.",
)
@click.option("--all", "everything", is_flag=True, help="Backfill the whole file.")
def demo(
    prices: Path | None,
    asset: str,
    symbol: str | None,
    layout: str | None,
    time_zone: ZoneInfo | None,
    days: int,
    everything: bool,
) -> None:
    """Backfill the starter challenge through Dagster and print its leaderboard.

    Without --prices, on simulated prices. With --prices, as a challenge of its own with its own
    database; it starts as soon as the file covers a warm-up.
    """
    console = open_console()
    if prices is None:
        if everything or symbol or layout or time_zone:
            raise click.UsageError(
                "--all, --symbol, --format and --time-zone say more of --prices, which is not given"
            )
        where = location.starter()
    else:
        made = challenge_on_prices(prices, asset, symbol, layout, time_zone)
        console.print(f"{escape(prices.name)}: {escape(str(made.reading))}", soft_wrap=True)
        set_up_database(made.challenge)
        where = location.derived(made.challenge, made.models)
    _run(console, where, _windows(where.challenge, None if everything else days))


def _run(console: Console, where: Location, windows: list[Window]) -> None:
    challenge = where.challenge
    url = set_up_database(challenge)
    console.print(f"[bold]{challenge.name}[/]: {_source(challenge)}")
    for notice in challenge.notices():
        console.print(f"  {notice}")
    console.print(f"  Models run {tier_here().value}", soft_wrap=True)
    seconds = backfill(console, LocalInstance.prepare(known_workspaces(), warn), challenge, windows)
    console.print()
    print_newest(console, challenge, mode=Mode.REPLAY, until=windows[-1].end)
    console.print()
    print_preview(console, challenge, Mode.REPLAY)
    _prove(console, challenge)
    console.print(f"\nPrices: {_source(challenge)}", soft_wrap=True)
    console.print(f"Took {seconds:.0f} s for {len(windows)} windows, without the set-up")
    console.print(f"Database: {describe(parse_url(url))}", soft_wrap=True)
    _say_next(console, where)


def _prove(console: Console, challenge: Challenge) -> None:
    """Show that an answer is the one that was committed to (docs/evidence.md)."""
    with closing(open_ledger(challenge)) as ledger:
        lines = proof_lines(ledger)
    console.print("\n[bold]Evidence[/]: one answer and its proof")
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)


def _say_next(console: Console, where: Location) -> None:
    if where.spec == location.starter_spec():
        again, does = "demo --prices FILE", "the same on real one-minute candles (docs/feeds.md)"
    else:
        again, does = f"leaderboard --spec {where.spec}", "prints this board again"
    console.print("\nNext:")
    for command, what in (
        ("dev", "opens the Dagster UI with this data on http://localhost:3000"),
        (again, does),
    ):
        console.print(
            f"  [bold]{escape(f'{program()} {command}')}[/]\n      {what}", soft_wrap=True
        )


def _source(challenge: Challenge) -> str:
    feed = challenge.feed
    if feed.provider == "simulated":
        return (
            f"[bold yellow]SIMULATED[/] prices (seed {feed.seed}), made up; "
            "no market data is shipped"
        )
    if feed.provider == "file":
        return f"real prices from {escape(str(feed.path))}"
    return f"real prices of {feed.provider}"


def _windows(challenge: Challenge, days: int | None) -> list[Window]:
    """The first days of a challenge, or all of one that has an end."""
    over = challenge.end or window_of(datetime.now(UTC), challenge.window_length).start
    end = over if days is None else challenge.start + timedelta(days=days)
    if end > over and challenge.end is None:
        raise CoordinatorError(
            f"--days {days}: {challenge.name} starts {challenge.start:%Y-%m-%d}, and only "
            f"{max(0, (over - challenge.start).days)} days of it are over"
        )
    return list(windows_between(challenge.start, min(end, over), challenge.window_length))
