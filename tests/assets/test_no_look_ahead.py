"""A spy among the models: what was seen, when, and that nothing later ever was."""

import json
from datetime import timedelta

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.support.challenges import FIRST_BAR, START, WINDOW
from tests.support.participants import HALF, SPY, write_participants
from tests.support.prices import MINUTE, closes_from, walk, write_candles
from tests.support.recompute import seconds

WARM_UP = 600
KEEP = {"callables__INFERENCE_OUTPUT_VALIDATOR": "tests.support.author:keep"}
DELAYS = [0.0, 2.0, 60.0, 75.5, 150.0]


@pytest.fixture
def spied(make_pipeline, tmp_path):
    write_participants(tmp_path, {"half": HALF, "spy": SPY})

    def make(name="one", **changes):
        changes = {"feed__staleness_limit_seconds": 3600, **KEEP, **changes}
        return make_pipeline(name, processes=True, **changes)

    return make


def reports(pipeline, start, windows=1):
    """performed_at -> the ticks that the spy got before it was asked, of one model's life."""
    length = pipeline.challenge.window_length
    with pipeline.ledger() as ledger:
        cells = ledger.predictions(Mode.REPLAY, start, start + windows * length)
    spy = cells[cells["model_id"] == "spy"]
    assert (spy["status"] == "SUCCESS").all()
    return {
        seconds(at): json.loads(output)["seen"]
        for at, output in zip(spy["performed_at"], spy["output_json"], strict=True)
    }


def expected_ticks(closes, start, rounds, delay):
    """The warm-up, then whatever became visible between one round and the next."""
    ticks, known = {}, seconds(start) - WARM_UP
    for performed_at in rounds:
        bars = [t for t in sorted(closes) if known < t <= performed_at - delay]
        ticks[performed_at] = [{"BTC": [[t, closes[t]] for t in bars]}] if bars else []
        known = bars[-1] if bars else known
    return ticks


@pytest.mark.parametrize("delay", DELAYS)
def test_a_model_sees_each_record_once_in_order_and_never_before_it_was_published(
    spied, closes, delay
):
    pipeline = spied(feed__publication_delay_seconds=delay)
    pipeline.succeed(START, 2)
    for k in range(2):
        start = START + k * WINDOW
        seen = reports(pipeline, start)
        assert seen == expected_ticks(closes, start, sorted(seen), delay)
        for performed_at, ticks in seen.items():
            ends = [end for tick in ticks for end, _ in tick["BTC"]]
            assert all(end + delay <= performed_at for end in ends)
        told = [end for ticks in seen.values() for tick in ticks for end, _ in tick["BTC"]]
        assert told == sorted(set(told))


def test_the_first_tick_is_exactly_the_warm_up(spied, closes):
    pipeline = spied(warm_up_seconds=1800)
    pipeline.succeed(START, 1)
    [first] = reports(pipeline, START)[seconds(START)]
    since = seconds(START) - 1800
    assert first["BTC"] == [[t, closes[t]] for t in range(since + 60, seconds(START) - 1, MINUTE)]


def test_slow_rounds_get_all_bars_since_the_last_one_at_once(spied, closes):
    schedule = {"every_seconds": 300, "resolve_after_seconds": 60, "offset_seconds": 120}
    pipeline = spied(**{"scheduled_prediction_configs[0].schedule": schedule})
    pipeline.succeed(START, 1)
    seen = reports(pipeline, START)
    first = START + timedelta(seconds=120)
    assert sorted(seen) == [seconds(first) + k * 300 for k in range(3)]
    assert seen == expected_ticks(closes, first, sorted(seen), 2)


def test_a_gap_is_seen_as_a_gap(spied, tmp_path):
    closes = closes_from(FIRST_BAR, walk(300))
    gap = {seconds(START) + MINUTE * k for k in (-3, 4, 5, 6)}
    write_candles(tmp_path / "prices.csv", closes, missing=gap)
    pipeline = spied()
    pipeline.succeed(START, 1)
    left = {t: close for t, close in closes.items() if t not in gap}
    seen = reports(pipeline, START)
    assert seen == expected_ticks(left, START, sorted(seen), 2)
    assert seen[seconds(START) + 6 * MINUTE] == []


@pytest.mark.slow
def test_a_window_is_the_same_whatever_was_replayed_before(spied):
    alone, after = spied("alone"), spied("after")
    third = START + 2 * WINDOW
    alone.succeed(third, 1)
    after.succeed(START, 2)
    after.succeed(START + 4 * WINDOW, 1)
    after.succeed(third, 1)
    assert reports(alone, third) == reports(after, third)
    assert len(reports(alone, third)) == 15
