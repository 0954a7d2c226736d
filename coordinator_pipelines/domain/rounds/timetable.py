"""When somebody must be there to ask: the live instants of a challenge, cut into captures.

Add here what decides who captures which rounds; avoid asking (``capture``). Pure functions of
instants: the caller brings ``now``, the pauses and the newest capture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND, from_epoch
from coordinator_pipelines.domain.timeline.window import Window, window_of

LONGEST = timedelta(minutes=15)
"""A capture lasts at most so long: it shows in the UI what it did, and a new one takes over."""
IDLE = timedelta(minutes=2)
"""A capture ends early if nothing is due for longer than this."""
FAILED = "failed"
"""How the end reason of a capture begins that could not go on, such as for a wrong symbol."""
LET_GO = "let go"
"""How that of one begins which had nobody left to ask, or nobody who looks after it."""
AFTER_FAILURE = timedelta(seconds=30)
"""After one that failed, the next is started so much later: nobody wants a run a second."""
LEAD = timedelta(seconds=30)
"""A capture is started so long before its first round: a run takes seconds to be there."""
LATEST_START = timedelta(seconds=1)
"""A round that could not begin within this of its instant is missed."""
COMMIT_PATIENCE = timedelta(seconds=120)
"""How long answers are kept for a database that does not answer."""
LAST_ATTEMPT = timedelta(seconds=60)
"""How long the last attempt to store them can take."""


@dataclass(frozen=True, slots=True)
class Due:
    """One live instant: the rounds (of ``prediction_batch.grid``) that are asked together."""

    performed_at: datetime
    rounds: pd.DataFrame
    ask_until: datetime
    """Rounds that could not begin by then are missed."""


def live_grid(challenge: Challenge, window: Window, pauses: pd.DataFrame) -> pd.DataFrame:
    """The rounds that a window should have live: the grid without those of paused configs.

    ``pauses``: PAUSE_COLUMNS; a pause covers [paused_at, resumed_at).
    """
    return unpaused(grid(challenge, window), pauses)


def unpaused(rounds: pd.DataFrame, pauses: pd.DataFrame) -> pd.DataFrame:
    """The rounds whose config is not paused at their instant."""
    for pause in pauses.itertuples(index=False):
        at = rounds["performed_at"]
        during = (at >= pause.paused_at) & ~(at >= pause.resumed_at)
        rounds = rounds[~(during & (rounds["prediction_config_id"] == pause.prediction_config_id))]
    return rounds.reset_index(drop=True)


def instants(challenge: Challenge, span: Window) -> Iterator[Due]:
    """The instants of a span, in order; whether a config is paused then is seen then."""
    for _, rounds in grid(challenge, span).groupby("performed_at"):
        at = rounds["performed_at"].iloc[0].to_pydatetime()
        yield Due(at, rounds.reset_index(drop=True), at + LATEST_START)


def stored_until(challenge: Challenge, now: datetime) -> datetime:
    """Live rounds that were over before this instant are stored by now, or never will be."""
    calls = (1 + len(challenge.configs)) * challenge.limits.call_timeout_seconds
    return now - LATEST_START - timedelta(seconds=calls) - COMMIT_PATIENCE - LAST_ATTEMPT


def next_span(challenge: Challenge, after: datetime, pauses: pd.DataFrame) -> Window | None:
    """What the next capture is responsible for, from the first live round at or after an instant.

    It lies within one batch window, lasts at most :data:`LONGEST` and ends with the last round
    before a gap longer than :data:`IDLE`. None if there is no such round within two batch windows.
    """
    for window in _from(challenge, after):
        due = pd.DatetimeIndex(live_grid(challenge, window, pauses)["performed_at"].unique())
        if len(due) == 0:
            continue
        first = due[0].to_pydatetime()
        end = min(window.end, window_of(first, challenge.window_length).end, first + LONGEST)
        return Window(first, _until_idle(due[due < pd.Timestamp(end)], end))
    return None


def _from(challenge: Challenge, after: datetime) -> Iterator[Window]:
    current = window_of(after, challenge.window_length)
    whole = max(after, current.start)
    yield Window(whole, current.end)
    yield Window(current.end, current.end + challenge.window_length)


def _until_idle(due: pd.DatetimeIndex, end: datetime) -> datetime:
    instants = [instant.to_pydatetime() for instant in due]
    for earlier, later in zip(instants, [*instants[1:], end], strict=True):
        if later - earlier > IDLE:
            return earlier + SECOND
    return end


def wanted(
    challenge: Challenge, newest: pd.DataFrame, pauses: pd.DataFrame, now: datetime
) -> Window | None:
    """The span for which a capture should be started now; None if none should.

    ``newest``: of ``Operation.newest_capture``.
    """
    covered = now
    if len(newest):
        capture = newest.iloc[0]
        if is_alive(newest, now) or capture["ended_at"] >= capture["span_end"]:
            covered = max(now, capture["span_end"].to_pydatetime())
        else:
            covered = max(now, resting_until(newest))
    span = next_span(challenge, covered, pauses)
    return span if span is not None and span.start - now <= LEAD else None


def resting_until(newest: pd.DataFrame) -> datetime:
    """Before which instant no capture should follow the newest one: a while if that failed."""
    if len(newest) and str(newest["end_reason"].item()).startswith(FAILED):
        ended: datetime = newest["ended_at"].item().to_pydatetime()
        return ended + AFTER_FAILURE
    return from_epoch(0)


def is_alive(newest: pd.DataFrame, now: datetime) -> bool:
    """Whether the newest capture is at work."""
    if len(newest) == 0:
        return False
    capture = newest.iloc[0]
    return bool(pd.isna(capture["ended_at"]) and capture["alive_until"] > pd.Timestamp(now))
