"""When checkpoints are asked for: once a board is final, again when it changes, not in between."""

import json

import dagster as dg
import pytest

from coordinator_pipelines.domain.doors.ledger import LEADERBOARD_COLUMNS, Ledger
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.sensors.checkpoint import checkpoint_sensor
from tests.sensors.conftest import Ticks, at, record_capture
from tests.specs import changed
from tests.storage.examples import frame
from tests.support.live import LIVE

HOUR = 3600


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    """The checkpoint sensor of a challenge that pays every hour."""
    challenge = checked_challenge(changed({"checkpoint_interval_seconds": HOUR}, LIVE))
    return Ticks(checkpoint_sensor, ledger, instance, challenge)


def board(ledger: Ledger, seconds: float, version: int = 1, *, final: bool = True) -> None:
    """A live board as of so many seconds after the start."""
    row = {
        "mode": "live", "as_of": at(seconds), "version": version, "final": final,
        "entries_json": json.dumps([]), "meta_json": "{}", "content_hash": str(version),
        "run_id": "run",
    }  # fmt: skip
    ledger.add_leaderboards(frame([row], LEADERBOARD_COLUMNS))


def keys(result: dg.SensorResult | None) -> list[str | None]:
    """The periods that are asked for."""
    return [request.partition_key for request in (result.run_requests or [])] if result else []


def test_a_period_is_asked_for_once_its_board_is_final(ticks: Ticks, ledger: Ledger) -> None:
    assert ticks.tick(HOUR + 60) is None  # it was never live
    record_capture(ledger, "one", (0, 900))
    board(ledger, HOUR, final=False)
    assert ticks.tick(HOUR + 60) is None
    board(ledger, HOUR, version=2)
    result = ticks.tick(HOUR + 90)
    assert keys(result) == [f"{at(0):%Y-%m-%d-%H:%M}"]
    assert result is not None
    assert (result.run_requests or [])[0].tags["challenge"] == "live"


def test_what_failed_is_asked_for_again_but_not_at_every_tick(ticks: Ticks, ledger: Ledger) -> None:
    record_capture(ledger, "one", (0, 900))
    board(ledger, HOUR)
    assert len(keys(ticks.tick(HOUR + 60))) == 1
    refresh = ticks.challenge.refresh_seconds
    assert ticks.tick(HOUR + 90) is None
    assert len(keys(ticks.tick(HOUR + 61 + refresh))) == 1


def test_a_board_that_changed_is_paid_on_anew(ticks: Ticks, ledger: Ledger) -> None:
    record_capture(ledger, "one", (0, 900))
    board(ledger, HOUR)
    ticks.tick(HOUR + 60)
    board(ledger, HOUR, version=2)
    assert len(keys(ticks.tick(HOUR + 90))) == 1
