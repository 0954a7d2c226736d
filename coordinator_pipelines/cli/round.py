"""``coordinator round``: open a round with a feature table, post its truth, void rounds.

Add here what is said of a round; avoid what may be opened and posted (``domain.rounds.desk``).
"""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from coordinator_pipelines.cli.challenge.database import opened_ledger
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.ruling import told_ruling
from coordinator_pipelines.domain.rounds.desk import RoundDesk
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.rounds.void import Intent, Ruling, rounds_meant, rule
from coordinator_pipelines.domain.timeline.instant import SECOND, as_utc
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import RoundError, TableError
from coordinator_pipelines.stack.command import program
from coordinator_pipelines.table_file import read_table

Command = Callable[..., Any]

_spec = click.option(
    "--spec", required=True, type=click.Path(path_type=Path), help="The challenge."
)
_config = click.option(
    "--config", "config_id", help="The prediction config; default: the only one."
)


def _instant(text: str) -> datetime:
    """An instant with its zone, in UTC."""
    try:
        return as_utc(datetime.fromisoformat(text))
    except (ValueError, TypeError):
        raise click.BadParameter(f"{text!r} is no instant such as 2026-11-24T12:00:00Z") from None


@click.group(name="round")
def round_() -> None:
    """Rounds: void them, or open and resolve those of a tournament."""


@round_.command(name="open")
@_spec
@_config
@click.option(
    "--features", required=True, type=click.Path(path_type=Path),
    help="CSV or Parquet: a column 'id', and a column of numbers per feature.",
)  # fmt: skip
@click.option("--at", type=_instant, metavar="INSTANT", help="When it opens; default: now.")
@click.option(
    "--closes-at",
    type=_instant,
    metavar="INSTANT",
    help="When it closes; default: as the spec says.",
)
def open_(
    spec: Path,
    config_id: str | None,
    features: Path,
    at: datetime | None,
    closes_at: datetime | None,
) -> None:
    """Open a round: every model is asked once about the rows of a table."""
    with _desk(spec) as desk, _about(features):
        table = FeatureTable.of(read_table(features))
        config = _named(desk, config_id)
        opened = desk.open(config, table, performed_at=at, closes_at=closes_at)
    done = "opens" if opened.is_new else "is open already; nothing was changed. It opens"
    click.echo(
        f"The round of {config} with {len(table.ids)} rows {done} at "
        f"{opened.performed_at:%Y-%m-%dT%H:%M:%SZ}, closes at {opened.closes_at:%Y-%m-%dT%H:%M:%SZ}"
    )
    click.echo(
        f"Its truth is posted from {opened.resolvable_at:%Y-%m-%dT%H:%M:%SZ} on, by "
        f"`{program()} round resolve --spec {spec} --config {config} "
        f"--round {opened.performed_at:%Y-%m-%dT%H:%M:%SZ} --truth FILE`"
    )


@round_.command()
@_spec
@_config
@click.option(
    "--truth", required=True, type=click.Path(path_type=Path),
    help="CSV or Parquet: the columns 'id' and 'truth'.",
)  # fmt: skip
@click.option(
    "--round",
    "at",
    type=_instant,
    metavar="INSTANT",
    help="Its opening instant; default: the one that waits.",
)
def resolve(spec: Path, config_id: str | None, truth: Path, at: datetime | None) -> None:
    """Post the true values of a round that is over, or correct them."""
    with _desk(spec) as desk, _about(truth):
        config = _named(desk, config_id)
        posted = desk.post_truth(config, read_table(truth), performed_at=at)
    which = f"of the round of {posted.performed_at:%Y-%m-%dT%H:%M:%SZ}"
    if not posted.is_new:
        click.echo(f"The truth {which} says that already; nothing was changed")
        return
    correction = ", a correction" if posted.version > 1 else ""
    click.echo(f"Version {posted.version} of the truth {which} is posted{correction}")
    if posted.closed:
        click.echo(f"But {posted.closed}: its boards and payouts stay as they are")


def _ruling(function: Command) -> Command:
    """The options of what is said of rounds."""
    for option in (
        click.option("--yes", is_flag=True, help="Do it. Without, say only what would be done."),
        click.option("--by", "actor", default=getpass.getuser, help="Who; default: this user."),
        click.option("--reason", required=True, help="Why; stored, and shown to everybody."),
        click.option("--to", "until", type=_instant, metavar="INSTANT", help="... before this."),
        click.option("--from", "since", type=_instant, metavar="INSTANT", help="All from here."),
        click.option("--round", "at", type=_instant, metavar="INSTANT", help="The one of then."),
        click.option("--config", "config_id", help="Of this prediction config; default: of all."),
        spec_option,
    ):
        function = option(function)
    return function


@round_.command()
@_ruling
def void(**options: Any) -> None:
    """Say that rounds do not count: they have no outcome, and cost and earn nobody anything."""
    _rule(Ruling.VOIDED, **options)


@round_.command()
@_ruling
def unvoid(**options: Any) -> None:
    """Take that back: the rounds count as they did before."""
    _rule(Ruling.RESTORED, **options)


def _rule(
    ruling: Ruling,
    spec: Path | None,
    config_id: str | None,
    at: datetime | None,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    actor: str,
    yes: bool,
) -> None:
    intent = Intent(ruling, _span(at, since, until), config_id, actor, reason)
    now = datetime.now(UTC)
    with opened_ledger(spec) as (challenge, ledger):
        rounds = rounds_meant(challenge, ledger, intent)
        told = told_ruling(challenge, ledger, rounds, now)
        if yes:
            rule(ledger, rounds, intent, now)
    if rounds.empty:
        click.echo(f"These rounds are {ruling.value.lower()} already; nothing was changed")
        return
    click.echo(f"{len(rounds)} rounds {'are' if yes else 'would be'} {ruling.value} by {actor}:")
    for line in told:
        click.echo(line)
    if not yes:
        click.echo("Nothing was changed; --yes does it.")


def _span(at: datetime | None, since: datetime | None, until: datetime | None) -> Window:
    if at is not None and since is None and until is None:
        return Window(at, at + SECOND)
    if at is None and since is not None and until is not None and since < until:
        return Window(since, until)
    raise click.UsageError("name --round, or --from and a later --to")


@contextmanager
def _desk(spec: Path) -> Iterator[RoundDesk]:
    with opened_ledger(spec) as (challenge, ledger):
        yield RoundDesk(challenge, ledger, datetime.now(UTC))


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Whatever is wrong with the table of a file is said with its path."""
    try:
        yield
    except TableError as error:
        text = str(error)
        raise TableError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _named(desk: RoundDesk, config_id: str | None) -> str:
    """The config that is meant."""
    known = [config.id for config in desk.challenge.configs]
    if config_id is None and len(known) > 1:
        raise RoundError(f"--config: name one of {', '.join(known)}")
    return config_id or known[0]
