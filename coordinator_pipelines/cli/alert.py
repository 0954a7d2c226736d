"""``coordinator alert``: what is wrong and who was told; taking note of it; trying the way out.

Add here what is said of incidents; avoid what one is (``domain.health.incidents``).
"""

from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path

import click
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from coordinator_pipelines.cli.challenge.database import opened_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.doors.notifier import Message
from coordinator_pipelines.domain.health.concerns import SIGNS
from coordinator_pipelines.domain.health.incidents import silenced
from coordinator_pipelines.domain.values.errors import AlertError
from coordinator_pipelines.resources.notifier import AppriseNotifier
from coordinator_pipelines.settings import ALERTS_VARIABLE
from coordinator_pipelines.spec_file import load_challenge


@click.group()
def alert() -> None:
    """What is wrong with a live challenge, and who was told of it."""


@alert.command(name="list")
@spec_option
@click.option(
    "--days", type=click.IntRange(0, 36500), default=1, show_default=True,
    help="Also what ended within so many days.",
)  # fmt: skip
def list_(spec: Path | None, days: int) -> None:
    """List what is wrong now, and what was lately."""
    now = datetime.now(UTC)
    with opened_ledger(spec) as (challenge, ledger):
        known = ledger.incidents(now - timedelta(days=days))
    if known.empty:
        click.echo(f"nothing is wrong with {challenge.name}, nor was within {days} days")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("what", "began", "ended", "told", "acknowledged", "problem"):
        table.add_column(name, overflow="fold")
    for row in known.sort_values("began_at", ascending=False).to_dict("records"):
        about = f"{row['name']} ({row['subject']})" if row["subject"] else row["name"]
        by = f"{_at(row['silenced_at'])} by {row['silenced_by']}" if row["silenced_by"] else ""
        began, ended, told = (_at(row[name]) for name in ("began_at", "ended_at", "told_at"))
        cells = (about, began, ended or "lasts", told or "nobody", by, row["problem"])
        table.add_row(*map(escape, cells))
    open_console().print(table)


@alert.command()
@click.argument("name", type=click.Choice(list(SIGNS)))
@click.argument("subject", required=False)
@spec_option
@click.option("--by", default=getuser, help="Who takes note of it; default: this user.")
@click.option("--reason", help="What is known of it.")
def ack(name: str, subject: str | None, spec: Path | None, by: str, reason: str | None) -> None:
    """Take note of NAME (about SUBJECT, such as a model): no more is told of it, nor of its end.

    When it comes back after it was over, that is told again.
    """
    now = datetime.now(UTC)
    with opened_ledger(spec) as (challenge, ledger):
        rows = silenced(ledger.incidents(now), name, subject, by, reason, now)
        ledger.silence_incidents(rows)
    about = f"{name} ({subject})" if subject else name
    if rows.empty:
        raise AlertError(f"{about} of {challenge.name} is well; `coordinator alert list` says more")
    click.echo(f"{about} of {challenge.name} is acknowledged by {by}; no more is told of it")


@alert.command()
@spec_option
def test(spec: Path | None) -> None:
    """Send a message to everybody who would be told."""
    challenge = load_challenge(spec or starter_spec())
    notifier = AppriseNotifier(challenge)
    if not notifier.is_set:
        raise AlertError(f"nobody would be told: set {ALERTS_VARIABLE} (docs/operating.md)")
    text = "This is a test: alerts of this challenge would arrive here."
    notifier.send(Message(f"{challenge.name}: a test", text, good=True))
    click.echo("sent")


def _at(instant: pd.Timestamp) -> str:
    return "" if pd.isna(instant) else f"{instant:%Y-%m-%d %H:%M:%S}"
