"""Captures that crash, follow on one another or race: no round twice, nothing told twice."""

import itertools
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.live import (
    LIVE_START,
    LivePipeline,
    RehearsedModels,
    live_pipeline,
    member,
)
from tests.support.pipeline import open_ledger
from tests.support.unsteady import UnsteadyLedger

MINUTE = timedelta(minutes=1)
WARM_UP = 600
EVERY_5_SECONDS = {"scheduled_prediction_configs[0].schedule": {"every_seconds": 5}}


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


class Killed(Exception):
    """The process is gone, and cannot say so any more."""


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """A live challenge with two models and a round every 15 seconds."""
    return live_pipeline(tmp_path, monkeypatch)


@pytest.fixture
def often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """The same with a round every 5 seconds."""
    return live_pipeline(tmp_path, monkeypatch, **EVERY_5_SECONDS)


def capture_until_killed(live: LivePipeline, start: datetime, until: datetime, dies: datetime):
    """A capture whose process is killed at an instant; returns its run."""
    pipeline = live.pipeline
    with open_ledger(pipeline.url, pipeline.challenge):
        ledger = UnsteadyLedger(pipeline.url, statistics_bucket=timedelta(minutes=15))

    def die() -> None:
        ledger.line.away = lambda: True
        raise Killed

    live.clock.plan(dies, die)
    before, pipeline.resources = pipeline.resources, {**pipeline.resources, "ledger": ledger}
    live.clock.wait_until(start - timedelta(seconds=20))
    result = pipeline.run(
        start.replace(minute=start.minute // 15 * 15, second=0),
        job="capture",
        capture_from=start.isoformat(),
        capture_until=until.isoformat(),
    )
    assert not result.success
    pipeline.resources = before
    ledger.close()
    return result


def told(models: RehearsedModels, deployment: str) -> list[int]:
    """End of each record that a deployment was told, in the order of telling."""
    return [int(end) for _, _, data in models.given.get(deployment, []) for end, _ in data["BTC"]]


def histories(models: RehearsedModels, deployment: str) -> list[datetime]:
    """When a deployment was told a history."""
    return [when for when, kind, _ in models.given.get(deployment, []) if kind == "history"]


def assert_told_once(models: RehearsedModels, deployment: str, last: datetime) -> None:
    """Everything from the warm-up of its first question, each record once, in order, in time.

    Bars are seen a second after their end, by a question that looks a second ahead.
    """
    given = models.given[deployment]
    for when, _, data in given:
        assert all(end + 1 <= when.timestamp() for end, _ in data["BTC"])
    first = int(given[0][0].timestamp())
    expected = list(range(first - WARM_UP + 1, int(last.timestamp()) - 1))
    assert told(models, deployment) == expected


def test_two_captures_in_a_row_tell_each_record_once(live):
    live.capture(at(0), at(120))
    live.models.join(member("late"))
    live.capture(at(120), at(240))
    models = live.models
    assert_told_once(models, "half-1", at(225))
    assert_told_once(models, "late-1", at(225))
    assert histories(models, "half-1") == [at(0)]
    assert histories(models, "late-1") == [at(120)]
    assert len(live.rounds()) == 16
    assert len(live.cells()) == 2 * 8 + 3 * 8


def test_a_new_deployment_is_told_its_own_history_and_its_siblings_go_on(live):
    live.clock.plan(at(40), lambda: live.models.join(member("half", "2")))
    live.capture(at(0), at(120))
    live.capture(at(120), at(180))
    assert_told_once(live.models, "half-2", at(165))
    assert histories(live.models, "half-2") == [at(45)]
    assert told(live.models, "half-1")[-1] == int(at(28).timestamp())
    assert_told_once(live.models, "sure-1", at(165))


def test_one_that_lost_its_connection_is_told_its_history_again(live):
    models = live.models
    live.clock.plan(at(40), lambda: models.join(member("half")))
    live.capture(at(0), at(120))
    assert histories(models, "half-1") == [at(0), at(45)]


def test_rounds_of_a_crashed_capture_are_missed_each_for_its_reason(often):
    crashed = capture_until_killed(often, at(0), at(120), dies=at(44.9))
    result = often.capture(at(75), at(120))
    [red] = often.pipeline.red(result, "coverage").values()
    short = crashed.run_id[:8]
    assert red.problems.splitlines() == [
        f"* MISSED 2026-03-01 12:00:45 UTC (1 rounds): capture {short} claimed it and did not "
        "finish",
        f"* MISSED 2026-03-01 12:00:50 UTC (1 rounds): capture {short} did not get to it in time",
        "* MISSED 2026-03-01 12:00:55 to 12:01:10 UTC (4 rounds): no capture was running",
    ]
    assert len(often.rounds()) == 9 + 9
    assert len(often.cells()) == 2 * len(often.rounds())
    assert often.pipeline.metadata("prediction_batch")["2026-03-01-12:00"]["missed rounds"] == 6


def test_models_go_on_where_the_crashed_capture_left_them(often):
    capture_until_killed(often, at(0), at(120), dies=at(43))
    often.capture(at(75), at(120))
    for deployment in ("half-1", "sure-1"):
        assert histories(often.models, deployment) == [at(0)]
        assert_told_once(often.models, deployment, at(115))


def test_after_a_break_longer_than_the_warm_up_everybody_is_told_anew(live):
    capture_until_killed(live, at(0), at(300), dies=at(50))
    live.capture(at(700), at(760))
    assert histories(live.models, "half-1") == [at(0), at(705)]


def test_a_record_that_came_late_reaches_the_models_once(live):
    feed = live.feed_of_its_own()
    feed.withheld.append(((at(20), at(25)), at(52)))
    live.capture(at(0), at(180))
    ends = told(live.models, "half-1")
    assert sorted(ends) == list(
        range(int(at(-WARM_UP).timestamp()) + 1, int(at(165).timestamp()) - 1)
    )
    late = [int(at(second).timestamp()) for second in range(20, 25)]
    [when] = {
        when
        for when, _, data in live.models.given["half-1"]
        if any(end in late for end, _ in data["BTC"])
    }
    assert at(52) < when <= at(52 + 75)


@pytest.mark.parametrize("back", [52, 100, 115, 119.9])
def test_what_came_after_an_outage_reaches_the_models_once_across_a_hand_over(live, back):
    feed = live.feed_of_its_own()
    feed.out.append((at(40), at(back)))
    live.capture(at(0), at(60))
    live.capture(at(60), at(120))
    live.capture(at(120), at(180))
    assert_told_once(live.models, "half-1", at(165))


def test_what_another_run_stored_first_is_seen_all_the_same(live):
    def resolve() -> None:
        with live.pipeline.ledger() as ledger:
            until = live.clock.now() - timedelta(seconds=1)
            records = feed.records(["BTCUSDT"], at(-60), until)
            ledger.add_feed_records(records, publication_delay=1.0, now=live.clock.now())

    feed = live.feed_of_its_own()
    for second in itertools.takewhile(lambda s: s < 60, itertools.count(13.95, 15)):
        live.clock.plan(at(second), resolve)
    live.capture(at(0), at(60))
    assert_told_once(live.models, "half-1", at(45))


def test_a_changed_record_is_told_as_a_new_one(live):
    feed = live.feed_of_its_own()
    feed.changed[at(20)] = (at(50), 123.0)
    live.capture(at(0), at(60))
    live.clock.wait_until(at(61))
    live.resolve(LIVE_START)
    live.capture(at(120), at(180))
    ends = told(live.models, "half-1")
    assert ends.count(int(at(20).timestamp())) == 2
    assert len(ends) == len(set(ends)) + 1


def test_a_stopped_capture_says_so_and_the_next_one_goes_on(live):
    def stop() -> None:
        raise KeyboardInterrupt

    live.clock.plan(at(50), stop)
    live.clock.wait_until(at(-20))
    result = live.pipeline.run(LIVE_START, job="capture", capture_until=at(120).isoformat())
    assert not result.success
    with live.pipeline.ledger() as ledger:
        newest = ledger.newest_capture()
    assert newest["ended_at"].item() == at(50)
    assert newest["end_reason"].item() == "stopped"
