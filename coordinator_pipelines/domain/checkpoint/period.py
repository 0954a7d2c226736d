"""Checkpoint periods: which one, and the instant of the board that it is paid on.

Add what follows from a period's place in time here; avoid who is paid.
"""

from collections.abc import Sequence
from datetime import datetime

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of, windows_between


def board_instant(challenge: Challenge, period: Window) -> datetime:
    """The instant of the period's last board: its end, or that of the challenge before it."""
    return min(period.end, challenge.end or period.end)


def period_of(challenge: Challenge, as_of: datetime) -> Window:
    """The period that a board at an instant belongs to: its end is the period's own."""
    length = challenge.checkpoint_length
    period = window_of(as_of, length)
    return Window(period.start - length, period.start) if period.start == as_of else period


def ended_periods(challenge: Challenge, since: datetime, now: datetime) -> Sequence[Window]:
    """The periods with an instant at or after ``since`` that are over, in order."""
    first = max(since, challenge.start)
    last = min(now, challenge.end or now)
    if last <= first:
        return []
    periods = windows_between(first, last, challenge.checkpoint_length)
    return [period for period in periods if board_instant(challenge, period) <= now]
