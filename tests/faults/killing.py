"""One kill after the other, at random moments, and how long the challenge takes to be well again.

Add here what is killed when, and what recovery means; avoid judging what is stored (``audit``).
"""

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import wait_for
from tests.faults.challenge import DELAY_SECONDS, MODELS
from tests.faults.stack import JOBS, Stack, Victim

LONGEST_RECOVERY = timedelta(seconds=60)
GIVE_UP_SECONDS = 150.0
"""A recovery that takes longer than it may is still measured, up to here."""
LONGEST_CALM_SECONDS = 10.0
LONGEST_OUTAGE_SECONDS = 10.0
BAR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, and when the challenge had asked all models and had a new board after it."""

    victim: Victim
    at: datetime
    asked_after: timedelta
    board_after: timedelta

    @property
    def recovery(self) -> timedelta:
        """How long the challenge took to be well again."""
        return max(self.asked_after, self.board_after)

    def __str__(self) -> str:
        return (
            f"{self.at:%H:%M:%S}  {self.victim:<12}  asked after "
            f"{self.asked_after.total_seconds():5.1f} s, board after "
            f"{self.board_after.total_seconds():5.1f} s"
        )


@dataclass
class Killer:
    """Kills processes of a stack."""

    stack: Stack
    challenge: Challenge
    ledger: SqlLedger
    moments: random.Random

    def kills(self, victims: Sequence[Victim]) -> Iterator[Kill]:
        """Kill these one after the other, each after a random time of calm."""
        for victim in victims:
            time.sleep(self.moments.uniform(0, LONGEST_CALM_SECONDS))
            at = self._kill(victim)
            yield self._recovery(victim, at)

    def _kill(self, victim: Victim) -> datetime:
        """Kill one; the instant of it."""
        if victim is Victim.POSTGRESQL:
            at = datetime.now(UTC)
            self.stack.server.kill()
            time.sleep(self.moments.uniform(0, LONGEST_OUTAGE_SECONDS))
            self.stack.server.start()
            return at
        while True:
            there = wait_for(
                lambda: self.stack.processes(victim), seconds=90, why=f"there is no {victim}"
            )
            if victim in JOBS:
                time.sleep(self.moments.uniform(0, 3))
            at = datetime.now(UTC)
            try:
                os.kill(self.moments.choice(there), signal.SIGKILL)
            except ProcessLookupError:
                continue  # it had ended by itself
            return at

    def _recovery(self, victim: Victim, at: datetime) -> Kill:
        """Wait until models are asked again, and there is a new board."""
        asked = board = served = None
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while asked is None or board is None or served is None:
            assert time.monotonic() < deadline, self._tell(victim, at)
            self.stack.look()
            now = datetime.now(UTC)
            try:
                asked = asked or (now if self._asked_all(at, now) else None)
                board = board or (now if self._board_since(at, now) else None)
                self._require_closed_bars()
            except LedgerUnavailableError:
                pass
            served = served or (now if self.stack.serves() else None)
            time.sleep(0.25)
        return Kill(victim, at, asked - at, max(board, served) - at)

    def _asked_all(self, since: datetime, now: datetime) -> bool:
        """Whether all models have answered all rounds of an instant after the kill."""
        cells = self.ledger.predictions(Mode.LIVE, since, now, outputs=False)
        cells = cells[cells["performed_at"] > since]
        return any(
            set(own.loc[own["status"] == "SUCCESS", "model_id"]) == set(MODELS)
            and (own["status"] == "SUCCESS").all()
            for _, own in cells.groupby("performed_at")
        )

    def _board_since(self, since: datetime, now: datetime) -> bool:
        board = self.ledger.newest_leaderboard(Mode.LIVE, now)
        return bool(len(board)) and board["as_of"].item() > since

    def _require_closed_bars(self) -> None:
        """No record was stored before it was published, no truth told before it was proved."""
        [newest] = self.ledger.newest_record(self.challenge.feed.symbols)["ended_at"]
        truth = self.ledger.newest_truth()
        published = datetime.now(UTC) - timedelta(seconds=DELAY_SECONDS)
        assert newest <= published
        assert truth is None or truth + BAR <= published

    def _tell(self, victim: Victim, at: datetime) -> str:
        return f"{victim}, killed at {at}, was not made up for:\n{self.stack.log.read_text()}"


def plan(kills: int, moments: random.Random) -> list[Victim]:
    """So many victims: all kinds that matter equally often, in random order."""
    kinds = list(Victim)[:5] if kills <= 5 else list(Victim)
    planned = [kinds[number % len(kinds)] for number in range(kills)]
    moments.shuffle(planned)
    return planned
