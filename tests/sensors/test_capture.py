"""When captures are asked for: in time, once, again after a death, and one after the other."""

from datetime import datetime

import dagster as dg
import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from coordinator_pipelines.sensors.capture import capture_sensor
from tests.sensors.conftest import Ticks, at, record_capture

OP = "live__prediction_batch"
KEY = "2026-03-01-12:00"


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    """The capture sensor."""
    return Ticks(capture_sensor, ledger, instance)


def span(request: dg.RunRequest | None) -> tuple[float, float]:
    """What a request wants captured, in seconds after the start."""
    assert request is not None
    config = request.run_config["ops"][OP]["config"]
    instants = (config["capture_from"], config["capture_until"])
    start, end = ((datetime.fromisoformat(text) - at(0)).total_seconds() for text in instants)
    return start, end


def test_a_capture_is_asked_for_once_and_given_time_to_start(ticks: Ticks) -> None:
    request = ticks.request(-20)
    assert span(request) == (-15, 0)
    assert request is not None
    assert request.partition_key == "2026-03-01-11:45"
    assert request.tags["challenge"] == "live"
    assert [ticks.request(-20 + 5 * k) for k in range(1, 5)] == [None] * 4


def test_one_that_never_shows_is_asked_for_again(ticks: Ticks) -> None:
    assert span(ticks.request(1)) == (15, 900)
    assert ticks.request(25) is None
    assert span(ticks.request(26)) == (30, 900)


def test_one_at_work_is_left_alone_until_shortly_before_it_ends(
    ticks: Ticks, ledger: Ledger
) -> None:
    ticks.request(-15)
    for now in range(-10, 870, 40):
        record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=now + 10)
        assert ticks.request(now) is None
    record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=880)
    request = ticks.request(870)
    assert span(request) == (900, 1800)
    assert request is not None
    assert request.partition_key == "2026-03-01-12:15"
    assert ticks.request(875) is None


@pytest.mark.slow
def test_a_hand_over_leaves_no_gap_and_asks_for_nothing_twice(ticks: Ticks, ledger: Ledger) -> None:
    spans = []
    for now in range(-30, 950, 5):
        request = ticks.request(now)
        if request is not None:
            spans.append(span(request))
        if spans:  # whoever is at work shows signs of life; older ones have ended with their span
            for number, (start, end) in list(enumerate(spans))[-2:]:
                life = {"started_at": start - 24, "alive_until": min(now, end) + 12}
                ended = {"ended_at": end} if now >= end else {}
                record_capture(ledger, f"run-{number}", (start, end), **life, **ended)
    assert spans[0] == (-30, 0)
    assert [later[0] for later in spans[1:]] == [earlier[1] for earlier in spans[:-1]]
    assert spans[-1][1] == 1800


def test_a_dead_one_is_replaced_as_soon_as_its_life_is_over(ticks: Ticks, ledger: Ledger) -> None:
    ticks.request(-15)
    record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=112)
    assert ticks.request(110) is None
    assert span(ticks.request(115)) == (120, 900)
    record_capture(ledger, "two", (120, 900), started_at=118, alive_until=128)
    assert ticks.request(125) is None


def test_one_that_failed_is_replaced_at_once(ticks: Ticks, ledger: Ledger) -> None:
    ticks.request(-15)
    record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=112, ended_at=104)
    assert span(ticks.request(105)) == (105, 900)


def test_one_that_died_before_it_recorded_itself_is_replaced(ticks: Ticks, ledger: Ledger) -> None:
    record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=885, ended_at=900)
    assert span(ticks.request(872)) == (900, 1800)
    assert ticks.request(896) is None
    assert span(ticks.request(897)) == (900, 1800)


def test_a_sensor_that_lost_its_cursor_asks_nothing_twice(ticks: Ticks, ledger: Ledger) -> None:
    ticks.request(-15)
    record_capture(ledger, "one", (0, 900), started_at=-12, alive_until=20)
    ticks.cursor = None
    assert ticks.request(10) is None


def test_a_tick_without_a_database_fails_and_the_next_one_works(ticks: Ticks) -> None:
    real = ticks.ledger

    class Gone:
        """A ledger that does not answer."""

        def newest_capture(self) -> None:
            raise LedgerUnavailableError("away")

    ticks.ledger = Gone()  # type: ignore[assignment]
    with pytest.raises(LedgerUnavailableError):
        ticks.tick(-15)
    ticks.ledger = real
    assert span(ticks.request(-10)) == (0, 900)
