"""``coordinator season``: freeze seasons, open them again, make them final.

Add here what is asked and said of a season; avoid when a step may be taken
(``domain.revision.season_desk``). Nothing changes without ``--yes``.
"""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.cli.challenge.database import opened_ledger
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.revision.pending import Pending
from coordinator_pipelines.domain.revision.season_desk import Intent, SeasonDesk
from coordinator_pipelines.domain.season.season import Season, seasons_of
from coordinator_pipelines.domain.season.state import LEADS_TO, Step

Command = Callable[..., Any]

MINUTES = "%Y-%m-%d %H:%M"


def _step(function: Command) -> Command:
    """The options of whatever changes a season."""
    for option in (
        spec_option,
        click.option("--by", "actor", default=getpass.getuser, help="Who; default: this user."),
        click.option("--reason", required=True, help="Why; stored, and shown to everybody."),
        click.option("--yes", is_flag=True, help="Do it. Without, say only what would be done."),
        click.argument("name", metavar="SEASON"),
    ):
        function = option(function)
    return function


@click.group()
def season() -> None:
    """Seasons of a challenge: open, frozen, final."""


@season.command("list")
@spec_option
def list_(spec: Path | None) -> None:
    """All seasons: when, their state, and who said so why."""
    with opened_ledger(spec) as (challenge, ledger):
        seasons = seasons_of(challenge, ledger.season_events())
    if not seasons:
        click.echo(f"{challenge.name} has no seasons; `seasons` in its spec names them")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("season", "starts", "ends", "state", "since", "by", "reason"):
        table.add_column(name)
    for each in seasons:
        table.add_row(*map(escape, _cells(each)))
    open_console().print(table)


@season.command()
@_step
def freeze(**options: Any) -> None:
    """Keep the boards and payouts of a season as they are. It must be over, its boards final."""
    _take(Step.FROZEN, **options)


@season.command()
@_step
def reopen(**options: Any) -> None:
    """Let the boards and payouts of a frozen season change again."""
    _take(Step.REOPENED, **options)


@season.command()
@_step
def finalize(**options: Any) -> None:
    """Keep a frozen season as it is for ever: it can never be opened again."""
    _take(Step.FINALIZED, **options)


def _take(step: Step, name: str, spec: Path | None, actor: str, reason: str, *, yes: bool) -> None:
    now, intent = datetime.now(UTC), Intent(step, name, actor, reason)
    with opened_ledger(spec) as (challenge, ledger):
        outdated = Pending(challenge, load_rules(challenge), ledger, now).told
        desk = SeasonDesk(challenge, ledger, now, outdated)
        if yes:
            state = desk.take(intent)
            click.echo(f"The season {name} is {state.value}, by {actor}")
            return
        own = desk.require_allowed(intent)
        unpaid = desk.unpaid(own) if step is Step.FINALIZED else []
    for checkpoint in unpaid:
        click.echo(f"{checkpoint} is not paid, and could not be any more")
    click.echo(
        f"The season {name}, {own.starts_at:{MINUTES}} to {own.ends_at:{MINUTES}} UTC, would be "
        f"{LEADS_TO[step].value} by {actor}. Nothing was changed; --yes does it."
    )


def _cells(each: Season) -> list[str]:
    return [
        each.name,
        f"{each.starts_at:{MINUTES}}",
        f"{each.ends_at:{MINUTES}}" if each.ends_at else "-",
        each.state.value,
        f"{each.at:{MINUTES}}" if each.at else "-",
        each.actor or "-",
        each.reason or "-",
    ]
