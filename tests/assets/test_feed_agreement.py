"""A second source: compared window by window, and never in the way."""

from datetime import timedelta

import pytest

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.values.errors import FeedUnavailableError
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import keys
from tests.support.prices import write_candles

MINUTE = timedelta(minutes=1)
FIRST, SECOND = keys(START, 2, WINDOW)


def reference(path, **changes):
    """The section of a reference on a file."""
    common = {"subjects": {"BTC": "OTHER"}, "granularity_seconds": 60}
    placed = {} if "provider" in changes else {"provider": "file", "path": str(path)}
    feed = {**common, "staleness_limit_seconds": 180, **placed, **changes}
    return {"feed": feed, "tolerance": 0.002}


def at(instant):
    return int(instant.timestamp())


@pytest.fixture
def run(make_pipeline, tmp_path):
    """Materialize the records of two windows with a reference of so many closes."""

    def materialize(closes=None, *, resources=None, **changes):
        path = tmp_path / "other.csv"
        if closes is not None:
            write_candles(path, closes)
        pipeline = make_pipeline(reference_feed=reference(path, **changes), resources=resources)
        result = pipeline.succeed(START, 2, assets=["feed_records"])
        found = {c.partition: c for c in pipeline.checks(result) if c.name == "feed_agreement"}
        assert list(found) == [FIRST, SECOND]
        assert len(pipeline.rows("feed_records")) == 30
        assert set(pipeline.rows("feed_records")["subject"]) == {"BTCUSDT"}
        return found, pipeline

    return materialize


def test_two_sources_that_agree_within_the_tolerance_are_green(run, closes):
    found, pipeline = run({end: price * 1.0019 for end, price in closes.items()})
    assert all(check.passed for check in found.values())
    told = pipeline.metadata("feed_records")[FIRST]
    assert (told["compared with reference"], told["reference lacks"]) == (15, 0)


def test_a_deviation_is_red_in_its_window_alone_with_the_worst_first(run, closes):
    small, big, equal = (at(START + WINDOW + k * MINUTE) for k in (1, 7, 9))
    other = {**closes, small: closes[small] / 1.003, big: closes[big] / 0.9}
    del other[equal]
    found, _ = run(other)
    assert found[FIRST].passed
    worst, next_, lacking = found[SECOND].problems.splitlines()
    assert worst == (
        f"* BTC 2025-01-01 02:22:00 UTC: {closes[big]:.10g}, the reference {other[big]:.10g} "
        "(-10.000%)"
    )
    assert "02:16:00 UTC" in next_
    assert next_.endswith("(+0.300%)")
    assert lacking == "* 1 of 15 not compared: the reference lacks them"
    assert found[SECOND].description.endswith("(and 2 more)")


def test_more_deviations_than_can_be_read_are_counted(run, closes):
    found, _ = run({end: price * 2 for end, price in closes.items()})
    assert not found[FIRST].passed
    assert len(found[FIRST].problems.splitlines()) == 10 + 1
    assert "* 5 more of 15 differ by more than 0.200%" in found[FIRST].problems


def test_a_reference_without_a_single_price_proves_nothing(run, closes):
    second_window = at(START + WINDOW)
    found, pipeline = run({end: price for end, price in closes.items() if end >= second_window})
    assert found[SECOND].passed
    assert not found[FIRST].passed
    assert found[FIRST].description == "15 of 15 not compared: the reference lacks them"
    assert pipeline.metadata("feed_records")[FIRST]["reference lacks"] == 15


def test_what_the_reference_publishes_later_is_not_missed_yet(make_pipeline, closes, tmp_path):
    path = write_candles(tmp_path / "other.csv", closes)
    slow = reference(path, publication_delay_seconds=240.0)
    pipeline = make_pipeline(reference_feed=slow)
    pipeline.clock.instant = START + 10 * MINUTE
    result = pipeline.succeed(START, 1, assets=["feed_records"])
    assert not pipeline.red(result, "feed_agreement")
    told = pipeline.metadata("feed_records")[FIRST]
    assert (told["compared with reference"], told["reference lacks"]) == (6, 0)


def test_a_reference_that_is_misconfigured_reddens_its_check_and_stops_nothing(run):
    found, _ = run()
    for check in found.values():
        assert check.description.startswith("not compared, the reference cannot be had: ")
        assert "other.csv cannot be opened" in check.description


def test_a_reference_that_cannot_even_be_opened_stops_nothing(run, monkeypatch):
    monkeypatch.setenv("BINANCE_API_URL", "nowhere")
    found, _ = run(provider="binance")
    assert "BINANCE_API_URL is no URL of binance" in found[FIRST].description


class Dead(Feed):
    """A vendor that does not answer, and counts how often it was asked."""

    source, simulated, asked = "dead", False, 0

    def records(self, subjects, start, end):
        del subjects, start, end
        self.asked += 1
        raise FeedUnavailableError("dead did not answer")

    def latest(self, subjects, as_of):
        del subjects, as_of
        raise AssertionError("a reference is asked for records only")


def test_a_reference_that_does_not_answer_is_asked_once_in_a_run(run):
    dead = Dead()
    found, _ = run(resources={"reference_feed": dead})
    assert [check.description for check in found.values()] == [
        "not compared, the reference cannot be had: dead did not answer"
    ] * 2
    assert dead.asked == 1


def test_a_challenge_without_a_reference_has_no_such_check(pipeline):
    result = pipeline.succeed(START, 1, assets=["feed_records"])
    assert "feed_agreement" not in {check.name for check in pipeline.checks(result)}
