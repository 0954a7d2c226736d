"""``coordinator checkpoint``: payouts, looked at and taken on, step by step.

Add here what is asked and said of a payout; avoid who gets what (``domain.checkpoint``) and how it
is drawn (``cli.views.checkpoint``). Nothing changes without ``--yes``.
"""

import getpass
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views import checkpoint as views
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.checkpoint import desk, formats
from coordinator_pipelines.domain.checkpoint.checkpoint import Checkpoints, Payout
from coordinator_pipelines.domain.checkpoint.period import period_of
from coordinator_pipelines.domain.checkpoint.settlement import differences
from coordinator_pipelines.domain.checkpoint.state import Step, progress_by_checkpoint
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.revision.pending import Pending
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CheckpointError
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.stack.command import program

Command = Callable[..., Any]

_mode = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.LIVE.value,
    show_default=True,
    help="Replayed checkpoints are dry runs: nobody is paid for them.",
)
_id = click.argument("checkpoint_id", metavar="CHECKPOINT")


def _step(function: Command) -> Command:
    """The options of whatever changes a payout."""
    for option in (
        spec_option,
        click.option("--by", "actor", default=getpass.getuser, help="Who; default: this user."),
        click.option("--yes", is_flag=True, help="Do it. Without, say only what would be done."),
        _id,
    ):
        function = option(function)
    return function


@click.group()
def checkpoint() -> None:
    """Payouts of checkpoint periods: look, approve, submit, tell that they are paid."""


@checkpoint.command("list")
@_mode
@spec_option
def list_(mode: str, spec: Path | None) -> None:
    """All checkpoints, the newest last: period, version, state."""
    with _opened(spec) as (_, ledger):
        heads = ledger.checkpoint_heads(mode)
        told = progress_by_checkpoint(ledger.checkpoint_events())
    if heads.empty:
        click.echo(f"there are no {mode} checkpoints; `{program()} checkpoint preview` shows one")
        return
    open_console().print(views.overview(heads, told))


@checkpoint.command()
@click.argument("checkpoint_id", metavar="[CHECKPOINT]", required=False)
@_mode
@spec_option
def show(checkpoint_id: str | None, mode: str, spec: Path | None) -> None:
    """One checkpoint, by default the newest: who gets what, why others do not, what happened."""
    with _opened(spec) as (challenge, ledger):
        heads = ledger.checkpoint_heads(mode)
        if checkpoint_id is None and heads.empty:
            raise CheckpointError(f"{challenge.name} has no {mode} checkpoint yet")
        name = checkpoint_id or str(heads["id"].iloc[-1])
        stored = desk.found(ledger, name)
        events = ledger.checkpoint_events([name])
    views.show(open_console(), stored, events)


@checkpoint.command()
@_mode
@spec_option
def preview(mode: str, spec: Path | None) -> None:
    """What the newest board would pay if the period ended with it. Nothing is stored."""
    print_preview(open_console(), load_challenge(spec or starter_spec()), Mode(mode))


@checkpoint.command()
@_step
@click.option("--reason", help="Why, if there is something to say.")
def approve(
    checkpoint_id: str, spec: Path | None, actor: str, yes: bool, reason: str | None
) -> None:
    """Approve a payout: without that it cannot be submitted."""
    _take(spec, checkpoint_id, desk.Intent(Step.APPROVED, actor, None, reason), yes)


@checkpoint.command()
@_step
@click.argument("finding")
@click.option("--reason", required=True, help="Why it does not stop the payout; stored.")
def acknowledge(
    checkpoint_id: str, finding: str, spec: Path | None, actor: str, yes: bool, reason: str
) -> None:
    """Take note of a finding that stops a payout, with the reason why it need not."""
    _take(spec, checkpoint_id, desk.Intent(Step.ACKNOWLEDGED, actor, finding, reason), yes)


@checkpoint.command()
@_step
@click.option("--reference", required=True, help="The transaction's hash.")
def submit(checkpoint_id: str, spec: Path | None, actor: str, yes: bool, reference: str) -> None:
    """Tell that an approved payout was submitted, with its transaction."""
    _take(spec, checkpoint_id, desk.Intent(Step.SUBMITTED, actor, reference), yes)


@checkpoint.command()
@_step
@click.option("--reference", help="The transaction's hash.")
def claimable(
    checkpoint_id: str, spec: Path | None, actor: str, yes: bool, reference: str | None
) -> None:
    """Tell that a submitted payout can be claimed."""
    _take(spec, checkpoint_id, desk.Intent(Step.CLAIMABLE, actor, reference), yes)


@checkpoint.command()
@_step
@click.option("--reference", required=True, help="The transaction's hash.")
def paid(checkpoint_id: str, spec: Path | None, actor: str, yes: bool, reference: str) -> None:
    """Tell that a payout is paid. It never changes again: corrections are settled later."""
    _take(spec, checkpoint_id, desk.Intent(Step.PAID, actor, reference), yes)


@checkpoint.command()
@_step
@click.option("--reason", required=True, help="What went wrong.")
def withdraw(checkpoint_id: str, spec: Path | None, actor: str, yes: bool, reason: str) -> None:
    """Tell that a submitted payout did not go through: it is pending again, and not approved."""
    _take(spec, checkpoint_id, desk.Intent(Step.WITHDRAWN, actor, None, reason), yes)


@checkpoint.command()
@click.argument("before")
@click.argument("after")
@spec_option
def diff(before: str, after: str, spec: Path | None) -> None:
    """What changed between two checkpoints, such as two versions of one: share by account."""
    with _opened(spec) as (_, ledger):
        changed = differences(desk.found(ledger, before), desk.found(ledger, after))
    views.diff(open_console(), before, after, changed)


@checkpoint.command()
@_id
@click.option(
    "--format",
    "layout",
    type=click.Choice([*formats.FORMATS, "prizes"]),
    default="emission",
    show_default=True,
)
@click.option("--total-prize", type=click.IntRange(1), help="Of prizes: the whole amount.")
@spec_option
def export(checkpoint_id: str, layout: str, total_prize: int | None, spec: Path | None) -> None:
    """A checkpoint as JSON: the raw emission, the command line's format, or prizes."""
    if (layout == "prizes") != (total_prize is not None):
        raise click.UsageError("--format prizes and --total-prize go together")
    with _opened(spec) as (_, ledger):
        stored = desk.found(ledger, checkpoint_id)
    if total_prize is not None:
        made: object = formats.prizes(stored, total_prize)
    else:
        made = formats.FORMATS[layout](stored)
    click.echo(json.dumps(made, indent=2))


def print_preview(console: Console, challenge: Challenge, mode: Mode) -> None:
    """Print what the newest board would pay. Nothing is stored.

    Raises:
        CheckpointError: there is no board yet.
    """
    with closing(open_ledger(challenge)) as ledger:
        payout, board = _dry_run(challenge, ledger, mode)
    views.preview(console, challenge, payout, board)


def _dry_run(challenge: Challenge, ledger: Ledger, mode: Mode) -> "tuple[Payout, pd.Series[Any]]":
    """What the newest board would pay, and that board."""
    now = datetime.now(UTC)
    newest = ledger.newest_leaderboard(mode, now)
    if newest.empty:
        raise CheckpointError(f"{challenge.name} has no {mode.value} board yet: nothing to pay on")
    as_of = newest["as_of"].iloc[-1].to_pydatetime()
    period, boards = period_of(challenge, as_of), newest
    if challenge.emission.basis == "mean_of_boards":
        boards = ledger.leaderboards(mode, period.start, as_of)
    computing = Boards(challenge, load_rules(challenge), ledger, mode, "dry run", now)
    payout = Checkpoints(computing).payout(boards, period, dry_run=True)
    return payout, newest.iloc[-1]


def _take(spec: Path | None, checkpoint_id: str, intent: desk.Intent, yes: bool) -> None:
    now = datetime.now(UTC)
    with _opened(spec) as (challenge, ledger):

        def outdated(stored: "pd.Series[Any]") -> str | None:
            return Pending(challenge, load_rules(challenge), ledger, now).told(stored)

        if yes:
            state = desk.take(ledger, checkpoint_id, intent, now, outdated)
            click.echo(f"{checkpoint_id}: {intent.step} by {intent.actor}; it is {state}")
            return
        desk.require_allowed(ledger, checkpoint_id, intent, outdated)
        stored = desk.found(ledger, checkpoint_id)
        events = ledger.checkpoint_events([checkpoint_id])
    views.show(open_console(), stored, events)
    click.echo(f"\nWould be {intent.step} by {intent.actor}. Nothing was changed; --yes does it.")


@contextmanager
def _opened(spec: Path | None) -> Iterator[tuple[Challenge, Ledger]]:
    """The challenge and its ledger."""
    challenge = load_challenge(spec or starter_spec())
    with closing(open_ledger(challenge)) as ledger:
        yield challenge, ledger
