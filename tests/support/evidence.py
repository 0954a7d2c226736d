"""A node with evidence: live rounds a minute apart, committed and signed as they came."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from coordinator_pipelines.api.app import create_app
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Identity, Mode
from coordinator_pipelines.domain.doors.operation import ROUND_VOID_COLUMNS
from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.domain.evidence.note import Signer
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import (
    CONFIG,
    MODELS,
    START,
    at,
    checkpoint,
    configs,
    frame,
    leaderboard,
    memberships,
    predictions,
    rounds,
    truths,
)
from tests.support.challenges import small_challenge
from tests.support.pipeline import FixedClock

IDENTITY = Identity("a-challenge", "simulated")
HORIZON = 1
"""Minutes from a round to its outcome, in ``tests.storage.examples``."""


@dataclass
class Operator:
    """Writes to a challenge's ledger as its captures and runs do, and signs."""

    url: str
    signer: Signer | None = field(default_factory=lambda: Signer.new("example.org/a-challenge"))
    clock: FixedClock = field(default_factory=lambda: FixedClock(START))

    @contextmanager
    def ledger(self) -> Iterator[SqlLedger]:
        """The ledger, with the operator's notary."""
        notary = Notary(self.signer, self.clock) if self.signer else None
        with closing(SqlLedger(self.url, notary=notary)) as ledger:
            yield ledger

    def begin(self) -> None:
        """Claim the database, and let two models join."""
        with self.ledger() as ledger:
            ledger.identify(IDENTITY)
            ledger.register_configs(configs())
            ledger.record_memberships(memberships(mode=Mode.LIVE))
            ledger.record_memberships(memberships())

    def ask(self, minute: int, *, seconds: float = 5, models: tuple[str, ...] = MODELS) -> None:
        """A live round, committed so many seconds later."""
        self.clock.instant = at(minute) + timedelta(seconds=seconds)
        with self.ledger() as ledger:
            asked = predictions([minute], models, Mode.LIVE, output_json=f'{{"p_up": 0.{minute}1}}')
            ledger.add_prediction_batch(rounds([minute], Mode.LIVE), asked)

    def resolve(self, minute: int, **changes: object) -> None:
        """The truth of a round, and the board after it."""
        self.clock.instant = max(self.clock.instant, at(minute + HORIZON) + timedelta(seconds=9))
        with self.ledger() as ledger:
            ledger.add_ground_truths(truths([minute], **changes))
            ledger.add_leaderboards(leaderboard(minute + HORIZON, mode=Mode.LIVE))

    def rule(self, minute: int, kind: str = "VOIDED", sequence: int = 1) -> None:
        """An operator's word on a round."""
        row = {
            "prediction_config_id": CONFIG, "performed_at": at(minute), "sequence": sequence,
            "at": self.clock.instant, "kind": kind, "actor": "ann", "reason": "no trades",
        }  # fmt: skip
        with self.ledger() as ledger:
            assert ledger.add_round_voids(frame([row], ROUND_VOID_COLUMNS))

    def void(self, minute: int) -> None:
        """The truth that follows such a word, or pretends to."""
        nothing = dict.fromkeys(("entry_price", "resolved_price", "outcome"), float("nan"))
        own = {"state": "VOID", "reason": "voided by ann: no trades", **nothing}
        with self.ledger() as ledger:
            ledger.add_ground_truths(truths([minute], version=2, **own))

    def pay(self, minute: int) -> None:
        """The checkpoint of a period."""
        with self.ledger() as ledger:
            ledger.add_checkpoint(checkpoint(minute, mode=Mode.LIVE))

    def go_on(self, first: int, last: int) -> None:
        """Rounds, each resolved a minute later; the last one is still open."""
        for minute in range(first, last + 1):
            self.ask(minute)
            if minute > first or first > 0:
                self.resolve(minute - 1)


@contextmanager
def served(operator: Operator, directory: Path, keys: Path | None = None) -> Iterator[str]:
    """The operator's Report API on a port of this machine."""
    with (
        closing(SqlLedger(operator.url)) as ledger,
        served_ledger(ledger, small_challenge(directory), operator.clock, keys) as url,
    ):
        yield url


@contextmanager
def served_ledger(
    ledger: SqlLedger, challenge: Challenge, clock: Clock, keys: Path | None = None
) -> Iterator[str]:
    """The Report API of a ledger on a port of this machine."""
    with running(create_app(challenge, ledger, clock, keys=keys, fresh_seconds=0)) as url:
        yield url


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """An application behind a real port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
