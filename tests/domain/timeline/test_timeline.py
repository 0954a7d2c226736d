import os
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.timeline.cadence import Cadence
from coordinator_pipelines.domain.timeline.instant import as_utc, epoch, from_epoch, utc_index
from coordinator_pipelines.domain.timeline.window import (
    BATCH_WINDOWS,
    Window,
    batches,
    bucket_end,
    trailing,
    window_of,
    windows_between,
)

zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
instants = st.builds(
    lambda microseconds, zone: (from_epoch(0) + timedelta(microseconds=microseconds)).astimezone(
        ZoneInfo(zone)
    ),
    st.integers(0, 4 * 10**15),
    zones,
)
lengths = st.sampled_from(list(BATCH_WINDOWS.values()))
cadences = st.integers(7, 100_000).flatmap(
    lambda every: st.builds(
        Cadence, st.just(every), st.integers(0, every - 1), st.integers(1, 100_000)
    )
)
modest = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@pytest.fixture(params=["UTC", "America/New_York"], autouse=True)
def local_time_zone(request):
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@modest
@given(cadences, instants, lengths)
def test_every_round_lies_in_exactly_one_batch_window(cadence, instant, length):
    start = window_of(instant, length).start
    windows = list(windows_between(start, start + 5 * length, length))
    rounds = cadence.rounds(Window(start, start + 5 * length))
    pieces = [cadence.rounds(window) for window in windows]
    assert rounds.equals(pieces[0].append(pieces[1:]))
    assert rounds.is_unique
    assert all(sum(at in window for window in windows) == 1 for at in rounds[:20])


@modest
@given(cadences, instants)
def test_rounds_lie_on_the_grid_of_epoch_offset_and_interval(cadence, instant):
    rounds = cadence.rounds(Window(instant, instant + timedelta(days=2)))
    for at in rounds[:20]:
        assert (epoch(at) - cadence.offset_seconds) % cadence.interval_seconds == 0
    assert (rounds[1:] - rounds[:-1] == pd.Timedelta(seconds=cadence.interval_seconds)).all()


@modest
@given(cadences, instants, st.integers(0, 2 * 86400 * 10**6))
def test_resuming_at_any_instant_yields_exactly_the_rounds_ahead(cadence, instant, microseconds):
    whole = Window(instant, instant + timedelta(days=3))
    resumed = instant + timedelta(microseconds=microseconds)
    rounds = cadence.rounds(whole)
    ahead = rounds[rounds >= resumed]
    assert cadence.rounds(Window(resumed, whole.end)).equals(ahead)
    if len(ahead):
        assert cadence.next_round(resumed) == ahead[0]


@modest
@given(instants, lengths)
def test_batch_windows_tile_the_timeline(instant, length):
    window = window_of(instant, length)
    assert instant in window
    assert epoch(window.start) % length.total_seconds() == 0
    assert window_of(window.end, length).start == window.end
    assert window_of(window.end - timedelta(microseconds=1), length) == window


def test_a_change_to_summer_or_winter_time_changes_nothing():
    fall_back = Window(datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 8, tzinfo=UTC))
    spring_forward = Window(
        datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 8, 9, tzinfo=UTC)
    )
    for window in (fall_back, spring_forward):
        assert len(Cadence(60, 0, 60).rounds(window)) == 240
        hours = list(windows_between(window.start, window.end, timedelta(hours=1)))
        assert [len(Cadence(60, 0, 60).rounds(hour)) for hour in hours] == [60] * 4


def test_an_interval_need_not_divide_the_window():
    day = window_of(datetime(2026, 11, 1, tzinfo=UTC), timedelta(days=1))
    hours = list(windows_between(day.start, day.end, timedelta(hours=1)))
    counts = [len(Cadence(7 * 60, 60, 60).rounds(hour)) for hour in hours]
    assert set(counts) == {8, 9}
    assert sum(counts) == len(Cadence(7 * 60, 60, 60).rounds(day))


def test_an_interval_longer_than_the_window_leaves_windows_without_rounds():
    empty = Window(datetime(2026, 11, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 2, tzinfo=UTC))
    rounds = Cadence(86400, 0, 60).rounds(empty)
    assert len(rounds) == 0
    assert str(rounds.dtype) == "datetime64[us, UTC]"


def test_the_horizon_is_kept_in_seconds():
    assert Cadence(60, 0, 300).horizon == timedelta(minutes=5)


@pytest.mark.parametrize(
    "entrance",
    [
        as_utc,
        epoch,
        lambda naive: window_of(naive, timedelta(hours=1)),
        lambda naive: Window(naive, datetime(2027, 1, 1, tzinfo=UTC)),
        lambda naive: Cadence(60, 0, 60).next_round(naive),
        lambda naive: trailing(naive, 24),
        lambda naive: list(windows_between(naive, naive, timedelta(hours=1))),
        lambda naive: naive in window_of(datetime(2026, 11, 1, tzinfo=UTC), timedelta(hours=1)),
    ],
)  # fmt: skip
def test_a_naive_instant_is_refused_at_every_entrance(entrance):
    with pytest.raises(TypeError, match="naive"):
        entrance(datetime(2026, 11, 1))  # noqa: DTZ001 (the point of the test)


def test_a_fraction_of_a_second_is_no_round():
    with pytest.raises(ValueError, match="whole second"):
        epoch(datetime(2026, 11, 1, 0, 0, 0, 1, tzinfo=UTC))


def test_a_window_ends_after_it_starts():
    with pytest.raises(ValueError, match="end after"):
        Window(from_epoch(60), from_epoch(60))


def test_a_trailing_window_is_open_on_the_left_and_closed_on_the_right():
    after, until = trailing(from_epoch(90_000), 1)
    resolved = utc_index([86_400, 86_401, 90_000, 90_001])
    assert list((resolved > after) & (resolved <= until)) == [False, True, True, False]


@modest
@given(instants, st.sampled_from([timedelta(minutes=15), timedelta(hours=1)]))
def test_a_bucket_is_open_on_the_left_and_closed_on_the_right(instant, length):
    instant = as_utc(instant)
    end = bucket_end(pd.Series([pd.Timestamp(instant)]), length).iloc[0]
    assert end - length < instant <= end
    assert epoch(end) % length.total_seconds() == 0


def test_windows_are_batched_where_they_follow_on_one_another():
    hours = list(windows_between(from_epoch(0), from_epoch(6 * 3600), timedelta(hours=1)))
    chosen = [hours[i] for i in (5, 0, 1, 2, 4)]
    assert [[hours.index(w) for w in group] for group in batches(chosen, 2)] == [
        [0, 1],
        [2],
        [4, 5],
    ]
