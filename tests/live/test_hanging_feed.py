"""A minute of real time with an exchange that does not answer: rounds do not wait for it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.timeline.window import window_of
from coordinator_pipelines.resources.clock import SystemClock
from coordinator_pipelines.resources.workers import Threads
from tests.feeds.exchange_server import Fault
from tests.specs import changed
from tests.support.exchange import Exchange, Schedule
from tests.support.live import LIVE, RehearsedModels, member
from tests.support.pipeline import Pipeline

pytestmark = pytest.mark.slow

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
EVERY, LENGTH, STALE = 2 * SECOND, 50 * SECOND, 12 * SECOND
RUN_STARTS_IN = 12 * SECOND
ONE, TWO = 10 * SECOND, 22 * SECOND
"""From when one request hangs, and two in a row."""


def first_round(now: datetime) -> datetime:
    """On the grid, soon, and with all rounds on one day."""
    soon = from_epoch(int((now + RUN_STARTS_IN).timestamp()) // 2 * 2)
    midnight = window_of(soon, DAY).end
    return soon if soon + LENGTH <= midnight else midnight


def test_rounds_are_on_time_though_the_feed_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    start = first_round(clock.now())
    (tmp_path / "models.yaml").write_text("models: []\n")
    spec = {
        "start": window_of(start, DAY).start.isoformat(),
        "batch_window": "1d",
        "models_file": str(tmp_path / "models.yaml"),
        "feed": {
            "provider": "binance",
            "subjects": {"BTC": "BTCUSDT"},
            "granularity_seconds": 1,
            "publication_delay_seconds": 2,
            "staleness_limit_seconds": STALE // SECOND,
        },
        "scheduled_prediction_configs[0].schedule.every_seconds": EVERY // SECOND,
    }
    models = RehearsedModels(clock)
    models.join(member("half"))
    hangs = Fault(hangs=True)
    faults = [(start + ONE, hangs), (start + TWO, hangs), (start + TWO, hangs)]
    with Exchange(lambda: datetime.now(UTC), troubles=Schedule(faults)) as exchange:
        monkeypatch.setenv("BINANCE_API_URL", exchange.url)
        resources = {"live_models": models, "workers": Threads()}
        challenge = checked_challenge(changed(spec, LIVE))
        pipeline = Pipeline(challenge, tmp_path, monkeypatch, clock, "", resources)
        bounds = {"capture_from": start.isoformat()}
        bounds["capture_until"] = (start + LENGTH).isoformat()
        pipeline.succeed(window_of(start, DAY).start, job="capture", **bounds)
    with pipeline.ledger() as ledger:
        rounds = ledger.rounds(Mode.LIVE, start, start + LENGTH).set_index("performed_at")
        timings = ledger.timings(start, start + LENGTH).set_index("performed_at")
    assert list(rounds.index) == [start + k * EVERY for k in range(LENGTH // EVERY)]
    assert list(timings.index) == list(rounds.index)
    assert timings["wake_ms"].median() < 100
    assert timings["wake_ms"].max() < 1000
    age = rounds.index - rounds["input_ended_at"]
    assert ((rounds["status"] == "VOID") == (age > STALE)).all()
    assert (rounds["status"] == "ASKED")[: start + TWO].all()
    assert (rounds["status"] == "VOID")[start + TWO :].any()
    assert rounds["status"].iloc[-1] == "ASKED"
    assert (exchange.violations, faults) == ([], [])
    assert max(after.at - before.at for before, after in
               zip(exchange.requests, exchange.requests[1:], strict=False)) > 5  # fmt: skip
