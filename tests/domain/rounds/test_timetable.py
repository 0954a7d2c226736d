"""Who captures which rounds: every live instant in one span, and a capture wanted when none is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.doors.operation import CAPTURE_COLUMNS, PAUSE_COLUMNS
from coordinator_pipelines.domain.rounds.timetable import (
    IDLE,
    LEAD,
    LONGEST,
    instants,
    is_alive,
    live_grid,
    next_span,
    wanted,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.instant import SECOND, from_epoch
from coordinator_pipelines.domain.timeline.window import Window, window_of
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START

NONE = pd.DataFrame(columns=list(PAUSE_COLUMNS))
NOBODY = pd.DataFrame(columns=list(CAPTURE_COLUMNS))
HORIZON = timedelta(hours=1)
"""How far the spans of an example are followed."""
INTERVALS = [7, 15, 60, 90, 121, 300, 1000, 3600, 7200]
cadences = st.sampled_from(INTERVALS).flatmap(
    lambda every: st.tuples(st.just(every), st.integers(0, every - 1))
)
starts = st.integers(0, 86400 * 10**6).map(
    lambda microseconds: LIVE_START + timedelta(microseconds=microseconds)
)


def challenge(*cadences: tuple[int, int], window: str = "15m", **changes: Any) -> Challenge:
    """A live challenge with a config for each (interval, offset)."""
    configs = [
        {
            "id": f"config-{number}",
            "scope_key": f"config-{number}",
            "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
            "schedule": {"every_seconds": every, "offset_seconds": offset},
        }
        for number, (every, offset) in enumerate(cadences or [(15, 0)])
    ]
    few = {"ranking.minimum_samples": 1, "trailing_windows_hours": {"short": 24, "long": 48}}
    return checked_challenge(
        changed(
            {"scheduled_prediction_configs": configs, "batch_window": window, **few, **changes},
            LIVE,
        )
    )


def pause(start: datetime, end: datetime | None, config: str = "config-0") -> pd.DataFrame:
    """One pause."""
    row = {"prediction_config_id": config, "paused_at": start, "resumed_at": end}
    frame = pd.DataFrame([row], columns=list(PAUSE_COLUMNS))
    for name in ("paused_at", "resumed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def spans_from(
    spec: Challenge, start: datetime, until: datetime, pauses: pd.DataFrame = NONE
) -> list[Window]:
    """The captures that would follow on one another from an instant."""
    spans: list[Window] = []
    after = start
    while after < until:
        span = next_span(spec, after, pauses)
        if span is not None:
            spans.append(span)
        after = span.end if span else window_of(after, spec.window_length).end
    return spans


def expected(cadences: list[tuple[int, int]], start: datetime, until: datetime) -> list[datetime]:
    """Every instant at which a config is due, by looking at each second."""
    seconds = range(int(start.timestamp()) - 1, int(until.timestamp()) + 1)
    due = [t for t in seconds if any((t - offset) % every == 0 for every, offset in cadences)]
    return [at for at in map(from_epoch, due) if start <= at < until]


@settings(max_examples=20)
@given(st.lists(cadences, min_size=1, max_size=3), starts, st.sampled_from(["15m", "1h", "1d"]))
def test_spans_cover_every_live_instant_exactly_once_from_any_start(cadences, start, window):
    spec = challenge(*cadences, window=window)
    until = start + HORIZON
    spans = spans_from(spec, start, until)
    covered = [due.performed_at for span in spans for due in instants(spec, span)]
    assert [at for at in covered if at < until] == expected(cadences, start, until)
    assert all(one.end <= other.start for one, other in pairwise(spans))


@settings(max_examples=20)
@given(st.lists(cadences, min_size=1, max_size=3), starts, st.sampled_from(["15m", "1h", "1d"]))
def test_a_span_is_short_lies_in_one_window_and_never_idles(cadences, start, window):
    spec = challenge(*cadences, window=window)
    for span in spans_from(spec, start, start + HORIZON):
        assert span.end - span.start <= LONGEST
        whole = window_of(span.start, spec.window_length)
        assert span.end <= whole.end
        due = [each.performed_at for each in instants(spec, span)]
        assert due[0] == span.start
        edges = [*due, span.end]
        assert all(b - a <= IDLE for a, b in pairwise(edges))


@settings(max_examples=15)
@given(cadences, starts, st.integers(0, 3600), st.integers(1, 3600))
def test_what_is_paused_is_in_no_grid_and_needs_no_capture(cadence, start, wait, length):
    spec, until = challenge(cadence, (3600, 0)), start + HORIZON
    paused_at = start + timedelta(seconds=wait)
    resumed_at = paused_at + timedelta(seconds=length)
    pauses = pause(paused_at, resumed_at)
    kept = {at for at in expected([cadence], start, until) if not paused_at <= at < resumed_at}
    grid = live_grid(spec, Window(start, until), pauses)
    own = grid[grid["prediction_config_id"] == "config-0"]
    assert not ((own["performed_at"] >= paused_at) & (own["performed_at"] < resumed_at)).any()
    spans = spans_from(spec, start, until, pauses)
    covered = {due.performed_at for span in spans for due in instants(spec, span)}
    assert covered >= kept


def test_several_configs_due_together_are_one_instant_in_the_order_of_the_spec():
    spec = challenge((15, 0), (30, 15), (30, 0))
    due = list(instants(spec, Window(LIVE_START, LIVE_START + timedelta(seconds=31))))
    asked = [(d.performed_at, d.rounds["prediction_config_id"].tolist()) for d in due]
    assert asked == [
        (LIVE_START, ["config-0", "config-2"]),
        (LIVE_START + timedelta(seconds=15), ["config-0", "config-1"]),
        (LIVE_START + timedelta(seconds=30), ["config-0", "config-2"]),
    ]


def test_an_interval_that_does_not_divide_the_window_goes_on_across_it():
    spec = challenge((7, 3))
    spans = spans_from(spec, LIVE_START, LIVE_START + timedelta(minutes=30))
    assert [span.end for span in spans] == [
        LIVE_START + timedelta(minutes=15),
        LIVE_START + timedelta(minutes=30),
    ]
    [last] = list(instants(spec, spans[0]))[-1:]
    [first] = list(instants(spec, spans[1]))[:1]
    assert first.performed_at - last.performed_at == timedelta(seconds=7)


def test_there_is_nothing_before_the_start_and_after_the_end_of_a_challenge():
    spec = challenge((15, 0), end="2026-03-01T12:30:00Z")
    before = datetime(2026, 2, 28, 23, 50, tzinfo=UTC)
    assert next_span(spec, before, NONE) == Window(spec.start, spec.start + LONGEST)
    assert next_span(spec, before - timedelta(hours=1), NONE) is None
    assert spec.end is not None
    last = next_span(spec, spec.end - timedelta(seconds=20), NONE)
    assert last == Window(spec.end - timedelta(seconds=15), spec.end)
    assert next_span(spec, spec.end, NONE) is None


def test_a_round_a_day_needs_a_capture_of_a_second_a_day():
    spec = challenge((86400, 43200), window="1d")
    assert next_span(spec, LIVE_START - timedelta(hours=3), NONE) == Window(
        LIVE_START, LIVE_START + SECOND
    )


def capture(
    start: datetime,
    length: timedelta = LONGEST,
    *,
    alive_for: timedelta = timedelta(seconds=10),
    ended_at: datetime | None = None,
    since: datetime = LIVE_START,
) -> pd.DataFrame:
    """The newest capture, as the ledger knows it."""
    row = {
        "run_id": "run",
        "span_start": start,
        "span_end": start + length,
        "started_at": since - timedelta(minutes=1),
        "alive_until": since + alive_for,
        "ended_at": ended_at,
    }
    frame = pd.DataFrame([row], columns=list(CAPTURE_COLUMNS))
    for name in ("span_start", "span_end", "started_at", "alive_until", "ended_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def want(newest: pd.DataFrame, now: datetime, **options: Any) -> Window | None:
    """What a sensor would ask for."""
    return wanted(options.pop("spec", challenge()), newest, options.pop("pauses", NONE), now)


def test_a_capture_is_wanted_ahead_of_the_first_round_and_not_earlier():
    spec = challenge((3600, 0))
    early = LIVE_START - LEAD - SECOND
    assert want(NOBODY, early, spec=spec) is None
    assert want(NOBODY, early + SECOND, spec=spec) == Window(LIVE_START, LIVE_START + SECOND)


def test_one_at_work_is_followed_by_the_next_shortly_before_its_span_ends():
    end = LIVE_START + LONGEST
    at_work = capture(LIVE_START, since=end - timedelta(minutes=1), alive_for=timedelta(minutes=2))
    assert want(at_work, end - LEAD - SECOND) is None
    assert want(at_work, end - LEAD) == Window(end, end + LONGEST)


@pytest.mark.parametrize("ended_at", [None, LIVE_START + timedelta(seconds=8)])
def test_one_that_is_dead_or_ended_early_is_replaced_at_once(ended_at):
    now = LIVE_START + timedelta(seconds=11)
    dead = capture(LIVE_START, ended_at=ended_at)
    assert want(dead, now) == Window(LIVE_START + timedelta(seconds=15), LIVE_START + LONGEST)


def test_one_that_gave_a_sign_of_life_just_now_is_not_replaced():
    now = LIVE_START + timedelta(seconds=9)
    assert is_alive(capture(LIVE_START), now)
    assert want(capture(LIVE_START), now) is None


def test_one_that_has_not_begun_its_span_yet_is_followed_by_nobody():
    end = LIVE_START + LONGEST
    starting = capture(end, since=end - timedelta(seconds=25))
    assert want(starting, end - timedelta(seconds=20)) is None


def test_one_that_ended_with_its_span_is_not_repeated():
    end = LIVE_START + LONGEST
    done = capture(LIVE_START, ended_at=end)
    assert want(done, end - timedelta(milliseconds=1)) == Window(end, end + LONGEST)
    later = end + timedelta(seconds=20)
    assert want(done, later) == Window(end + timedelta(seconds=30), end + LONGEST)


def test_nobody_is_wanted_while_everything_is_paused():
    pauses = pause(LIVE_START, None)
    assert want(NOBODY, LIVE_START, pauses=pauses) is None
    other = challenge((15, 0), (60, 0))
    assert want(NOBODY, LIVE_START, pauses=pauses, spec=other) is not None
    resumed = pause(LIVE_START, LIVE_START + timedelta(minutes=3))
    assert want(NOBODY, LIVE_START, pauses=resumed) is None
    shortly = LIVE_START + timedelta(minutes=3) - LEAD
    assert want(NOBODY, shortly, pauses=resumed) == Window(
        LIVE_START + timedelta(minutes=3), LIVE_START + LONGEST
    )
