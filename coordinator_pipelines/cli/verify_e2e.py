"""``coordinator verify-e2e``: wait until a live challenge works from end to end, or say why not.

Add here how it is waited for and told; avoid judging (``domain.health.end_to_end``).
"""

import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.health.end_to_end import Verdict, judge, patience
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import (
    CoordinatorError,
    LedgerSchemaError,
    LedgerUnavailableError,
)
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.stack.command import program
from coordinator_pipelines.stack.deployment import Deployment, running
from coordinator_pipelines.stack.interruption import check

POLL_SECONDS = 2.0


@click.command("verify-e2e")
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="The challenge; default: the one that runs from here, or the starter.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    help="Seconds to wait at most; default: as long as the spec lets it take.",
)
@click.option("--except", "excepted", multiple=True, help="A model that need not work; repeatable.")
def verify_e2e(spec: Path | None, timeout: float | None, excepted: tuple[str, ...]) -> None:
    """Wait until all active models have scored predictions and are on the live leaderboard.

    Fails, with the reason, if scores show that something is only a stub: all are equal, all are
    zero, or every prediction fails. Only what came since the stack was started counts.
    """
    stack = running(settings.home())
    challenge = load_challenge(spec or (Path(stack.spec) if stack else starter_spec()))
    own = stack if stack and stack.challenge == challenge.name else None
    limit = patience(challenge) if timeout is None else timedelta(seconds=timeout)
    try:
        with closing(open_ledger(challenge)) as ledger:
            reach = datetime.now(UTC) - patience(challenge)
            trial = Trial(challenge, ledger, own, excepted, reach)
            verdict = wait_until_it_works(trial.verdict, limit, click.echo)
    except (NotWorkingError, LedgerSchemaError) as error:
        where = "" if own else f"; it does not run from {settings.home()}: `{program()} deploy`"
        raise CoordinatorError(f"{challenge.name} does not work: {error}{where}") from None
    click.echo(
        f"{challenge.name} works: {len(verdict.models)} models ({', '.join(verdict.models)}), "
        f"{verdict.scores} scored predictions, all models on the leaderboard, {verdict.ranked} "
        f"ranked (a rank takes {challenge.ranking.minimum_samples} scores)"
    )


class NotWorkingError(CoordinatorError):
    """Something is wrong, or not there in time; the message says what."""


@dataclass(frozen=True)
class Trial:
    """What is judged: a challenge, its ledger, and the stack that runs it here, if one does."""

    challenge: Challenge
    ledger: Ledger
    stack: Deployment | None
    excepted: Collection[str]
    reach: datetime

    def verdict(self) -> Verdict:
        """The verdict of now. A database that does not answer may do so later."""
        now = datetime.now(UTC)
        try:
            return judge(
                self.challenge,
                self.ledger,
                expected=self._expected(now),
                excepted=self.excepted,
                since=max(self.reach, self.stack.started_at) if self.stack else self.reach,
                now=now,
            )
        except LedgerUnavailableError as error:
            return Verdict((), 0, 0, (str(error),), ())

    def _expected(self, now: datetime) -> list[str]:
        """Who is in the models file, where that is what runs."""
        if self.stack is None:
            return []
        roster = Roster.load(self.challenge.models_file)
        return [member.model_id for member in roster.active_members(now)]


def wait_until_it_works(
    look: Callable[[], Verdict],
    limit: timedelta,
    tell: Callable[[str], None],
    poll_seconds: float = POLL_SECONDS,
) -> Verdict:
    """Look until a challenge works; what is missing is told whenever it changes.

    Raises:
        NotWorkingError: something is wrong, or the limit has passed and something is missing.
    """
    deadline, told = time.monotonic() + limit.total_seconds(), ""
    while not (verdict := look()).works:
        missing = "; ".join(verdict.missing)
        if verdict.wrong:
            raise NotWorkingError("; ".join(verdict.wrong))
        if time.monotonic() >= deadline:
            raise NotWorkingError(f"after {limit.total_seconds():.0f} s, {missing}")
        if missing != told:
            tell(f"Waiting: {missing}")
            told = missing
        check()
        time.sleep(poll_seconds)
    return verdict
