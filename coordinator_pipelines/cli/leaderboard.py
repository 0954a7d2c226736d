"""``coordinator leaderboard``: the newest board of a challenge."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.board import show_board, window_hours
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ground_truth.tally import round_tally
from coordinator_pipelines.domain.season.season import Season, season_at, seasons_of
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.values.errors import CoordinatorError, SeasonError
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.stack.command import program


@click.command()
@spec_option
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]),
    help="The newest board at this instant, with zone: 2026-11-02T00:00Z.",
)
@click.option("--season", "season_name", help="The last board of this season.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    help="Whose board; default: live as soon as live models have joined.",
)
@click.option("--ensembles", is_flag=True, help="Also the challenge's ensembles, without a rank.")
def leaderboard(
    spec: Path | None,
    as_of: datetime | None,
    season_name: str | None,
    mode: str | None,
    *,
    ensembles: bool,
) -> None:
    """Print the newest leaderboard, or that of an instant or a season."""
    if as_of and season_name:
        raise click.UsageError("--as-of and --season both say which board; give one of them")
    challenge = load_challenge(spec or starter_spec())
    shown = Mode(mode) if mode else None
    print_newest(
        open_console(), challenge,
        mode=shown, until=as_of, season_name=season_name, ensembles=ensembles,
    )  # fmt: skip


def print_newest(
    console: Console,
    challenge: Challenge,
    *,
    mode: Mode | None,
    until: datetime | None,
    season_name: str | None = None,
    ensembles: bool = False,
) -> None:
    """Print the newest board at or before an instant; of no mode: as the Report API chooses.

    ``season_name``: the last one of that season instead.

    Raises:
        CoordinatorError: there is none.
    """
    with closing(open_ledger(challenge)) as ledger:
        shown = mode or usual_mode(ledger)
        seasons = seasons_of(challenge, ledger.season_events())
        asked = _asked(seasons, season_name) if season_name else None
        until = asked.ends_at if asked else until
        boards = ledger.newest_leaderboard(shown, until or from_epoch(2**33))
        if boards.empty or (asked and boards["as_of"].item() not in asked):
            raise CoordinatorError(_no_board(challenge, shown, until))
        board = boards.iloc[-1]
        as_of: datetime = board["as_of"].to_pydatetime()
        after = as_of - timedelta(hours=window_hours(challenge))
        tally = round_tally(challenge, ledger, shown, after, as_of)
    show_board(console, challenge, board, tally, ensembles=ensembles)
    own = season_at(seasons, as_of)
    if own is not None:
        since = f" since {own.at:%Y-%m-%d %H:%M} UTC: {own.reason}" if own.at else ""
        console.print(escape(f"Season {own.name}, {own.state.value.lower()}{since}"))


def _asked(seasons: Sequence[Season], name: str) -> Season:
    found = next((each for each in seasons if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in seasons) or "none"
        raise SeasonError(f"there is no season {name!r}; there are: {known}")
    return found


def usual_mode(ledger: Ledger) -> Mode:
    """Live as soon as live models have joined."""
    return Mode.REPLAY if ledger.memberships(Mode.LIVE).empty else Mode.LIVE


def _no_board(challenge: Challenge, mode: Mode, until: datetime | None) -> str:
    """That there is none, and how to get one."""
    when = f" as of {until:%Y-%m-%d %H:%M:%S %Z}" if until else " yet"
    if mode is Mode.LIVE:
        return f"{challenge.name} has no live leaderboard{when}; `{program()} status` says why"
    makes = f"`{program()} deploy` runs it live"
    if challenge == load_challenge(starter_spec()):
        makes = f"`{program()} demo` makes some"
    elif challenge.replay_allowed:
        makes += ", a backfill in the Dagster UI replays its past"
    return f"{challenge.name} has no leaderboard{when}; {makes}"
