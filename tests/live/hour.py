"""A live hour on an exchange with which everything goes wrong: who takes part, and what is left.

Everything is real but time: captures and resolutions overlap, requests go over HTTP, and each run
knows of the exchange only what a new process knows. Add here what happens in the hour; avoid what
must come of it.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Ask, EventKind, Outcome
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from tests.specs import changed
from tests.support.exchange import (
    UNREVISED,
    Exchange,
    Prices,
    hour_of_faults,
    recorded_prices,
    simulated_prices,
)
from tests.support.live import LIVE, LIVE_START, RehearsedModels, member
from tests.support.pipeline import Pipeline
from tests.support.rehearsed_node import RehearsedNode, feed_per_run
from tests.support.shared_time import SharedTime, SharingWorkers

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
END = LIVE_START + HOUR
RECORDED_FROM = datetime(2025, 1, 10, tzinfo=UTC)
HORIZON, DELAY, GRACE = MINUTE, 2 * SECOND, 2 * MINUTE
BEHIND = 5 * SECOND
"""The exchange's clock is late, so that it is asked for candles that it has not finished."""
DEADLINE = timedelta(minutes=15)
VANISHED = LIVE_START + timedelta(minutes=20, seconds=7)
ANSWERS = {"half": 0.5, "sure": 0.9, "flaky": 0.3, "gone": 0.7}


@dataclass(frozen=True)
class Case:
    """Rounds of one kind."""

    bar: timedelta
    every: timedelta
    staleness: timedelta
    refresh: timedelta

    @property
    def usual_age(self) -> timedelta:
        """How old the newest record is when a round begins and nothing is wrong."""
        settling, asked_ahead = SECOND, SECOND
        return -(-(BEHIND + settling + asked_ahead) // self.bar) * self.bar

    def spec(self, models_file: Path) -> dict[str, Any]:
        """The challenge: live for one hour, on the exchange."""
        feed = {
            "provider": "binance",
            "subjects": {"BTC": "BTCUSDT"},
            "granularity_seconds": self.bar // SECOND,
            "publication_delay_seconds": DELAY // SECOND,
            "staleness_limit_seconds": self.staleness // SECOND,
        }
        changes = {
            "start": LIVE_START.isoformat(),
            "end": END.isoformat(),
            "models_file": str(models_file),
            "refresh_interval_seconds": self.refresh // SECOND,
            "absence_grace_seconds": GRACE // SECOND,
            "truth.resolution_deadline_seconds": DEADLINE // SECOND,
            "feed": feed,
            "scheduled_prediction_configs[0].schedule.every_seconds": self.every // SECOND,
        }
        return changed(changes, LIVE)


def prices() -> Prices:
    """The recorded ones where they are, made up ones elsewhere."""
    directory = os.environ.get("COORDINATOR_TEST_PRICES")
    if directory:
        return recorded_prices(Path(directory), RECORDED_FROM, LIVE_START)
    return simulated_prices()


def participants(case: Case, time: SharedTime) -> RehearsedModels:
    """One of each kind."""
    models = RehearsedModels(time)
    models.join(member("half"))
    models.join(member("sure"), lambda *_: {"p_up": 0.9})
    models.join(member("silent"), lambda *_: Outcome.ABSTAINED)
    models.join(member("flaky"), partial(fails_now_and_then, case))
    models.join(member("odd"), lambda *_: {"p_up": float("nan")})
    models.join(member("gone"), lambda *_: {"p_up": 0.7})
    return models


def fails_now_and_then(case: Case, ask: Ask, who: object) -> object:
    """Fails in every seventh round."""
    del who
    return Outcome.FAILED if is_unlucky(case, ask.questions[0].performed_at) else {"p_up": 0.3}


def is_unlucky(case: Case, performed_at: datetime) -> bool:
    """Whether that one fails then."""
    return (performed_at - LIVE_START) // case.every % 7 == 3


def expected_outcome(case: Case, model_id: str, performed_at: datetime) -> Outcome | None:
    """What becomes of a model's cell; None where it is no member any more."""
    if model_id == "gone" and performed_at > VANISHED:
        return Outcome.ABSENT if performed_at < VANISHED + GRACE else None
    if model_id == "silent":
        return Outcome.ABSTAINED
    failed = model_id == "odd" or (model_id == "flaky" and is_unlucky(case, performed_at))
    return Outcome.FAILED if failed else Outcome.SUCCESS


class Hour:
    """What is left when the hour is over."""

    def __init__(
        self, case: Case, node: RehearsedNode, exchange: Exchange, models: RehearsedModels
    ) -> None:
        self.case, self.node, self.exchange, self.models = case, node, exchange, models
        self.asked_at = [LIVE_START + k * case.every for k in range(HOUR // case.every)]
        self.never = {end for end, shown in exchange.troubles.appears.items() if shown is None}
        self.revised = set(exchange.troubles.revised)
        self.true_close = cache(
            partial(exchange.true_close, "BTCUSDT", granularity_seconds=case.bar // SECOND)
        )
        hour = Window(LIVE_START, END)
        with node.pipeline.ledger() as ledger:
            self.told = live_rounds(node.pipeline.challenge, ledger, hour)
            self.rounds = ledger.rounds(Mode.LIVE, LIVE_START, END)
            self.cells = ledger.predictions(Mode.LIVE, LIVE_START, END)
            self.records = ledger.feed_records(["BTCUSDT"], LIVE_START, END, all_versions=True)
            truths = ledger.ground_truths(LIVE_START, END)
            self.scores = ledger.scores(Mode.LIVE, LIVE_START, END)
            self.boards = ledger.leaderboards(Mode.LIVE, LIVE_START, END)
        self.truths = truths.set_index("performed_at")

    def is_price(self, ended_at: datetime, price: float) -> bool:
        """Whether it is the price of an instant, or was until it was revised."""
        true = self.true_close(ended_at)
        known = [true, true * UNREVISED] if ended_at in self.revised else [true]
        return any(price == pytest.approx(one, rel=1e-9) for one in known)

    def touching(self, ends: set[datetime]) -> set[datetime]:
        """The rounds whose truth needs one of these prices."""
        return {at for at in self.asked_at if {at, at + HORIZON} & ends}


def live_through(case: Case, home: Path, monkeypatch: pytest.MonkeyPatch) -> Hour:
    """Run the challenge until all of the hour is told."""
    (home / "models.yaml").write_text("models: []\n")
    challenge = checked_challenge(case.spec(home / "models.yaml"))
    time = SharedTime(LIVE_START - MINUTE)
    models = participants(case, time)
    troubles = hour_of_faults(LIVE_START, case.bar)
    with Exchange(lambda: time.now() - BEHIND, prices(), troubles) as exchange:
        resources = {
            "live_models": models,
            "workers": SharingWorkers(time),
            "feed": feed_per_run(challenge, exchange.url, home, time),
        }
        node = RehearsedNode(Pipeline(challenge, home, monkeypatch, time, "", resources), time)
        time.start(lambda: models.part("gone", EventKind.VANISHED), VANISHED)
        node.operate(END + 2 * case.refresh)
    return Hour(case, node, exchange, models)
