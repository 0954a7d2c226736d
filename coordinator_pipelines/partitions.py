"""Batch windows and checkpoint periods as Dagster partitions: the one place that knows both.

Add a partitions definition here; avoid assets, and time arithmetic that needs no Dagster
(``domain.timeline``).
"""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import Window, window_of

KEY_FORMAT = "%Y-%m-%d-%H:%M"
HOUR, DAY = 3600, 86400
THURSDAY = 4  # the Unix epoch's


def batch_windows(challenge: Challenge) -> dg.TimeWindowPartitionsDefinition:
    """One partition per batch window, from the challenge's start; UTC.

    The current and the next window are among them, so that rounds can be captured into a window
    that is still open; none begins at or after the challenge's end.
    """
    return dg.TimeWindowPartitionsDefinition(
        start=challenge.start,
        end=challenge.end,
        fmt=KEY_FORMAT,
        cron_schedule=_cron(int(challenge.window_length / SECOND)),
        timezone="UTC",
        end_offset=2,
    )


def checkpoint_periods(challenge: Challenge) -> dg.TimeWindowPartitionsDefinition:
    """One partition per checkpoint period that is over; UTC.

    The first is the one in which the challenge starts, the last the one in which it ends.
    """
    length = challenge.checkpoint_length
    last = window_of(challenge.end - SECOND, length) if challenge.end else None
    return dg.TimeWindowPartitionsDefinition(
        start=window_of(challenge.start, length).start,
        end=last.end if last else None,
        fmt=KEY_FORMAT,
        cron_schedule=_cron(challenge.checkpoint_seconds),
        timezone="UTC",
    )


def window_key(window: Window) -> str:
    """The partition key of a batch window."""
    return f"{window.start:{KEY_FORMAT}}"


def key_window(key: str, challenge: Challenge) -> Window:
    """The batch window of a partition key."""
    return window_of(_key_start(key), challenge.window_length)


def run_windows(context: dg.AssetExecutionContext, challenge: Challenge) -> Sequence[Window]:
    """The batch windows that a run is about, in order."""
    return sorted(key_window(key, challenge) for key in context.partition_keys)


def run_periods(context: dg.AssetExecutionContext, challenge: Challenge) -> Sequence[Window]:
    """The checkpoint periods that a run is about, in order."""
    length = challenge.checkpoint_length
    return sorted(window_of(_key_start(key), length) for key in context.partition_keys)


def begun_windows(
    context: dg.AssetExecutionContext, challenge: Challenge, now: datetime
) -> Sequence[Window]:
    """The batch windows of a run that have begun; those still ahead have no board yet."""
    return [window for window in run_windows(context, challenge) if window.start < now]


def _cron(seconds: int) -> str:
    """The schedule of periods of a length that recurs every hour, day or week."""
    if seconds < HOUR:
        return f"*/{seconds // 60} * * * *"
    if seconds < DAY:
        return f"0 */{seconds // HOUR} * * *" if seconds > HOUR else "0 * * * *"
    return "0 0 * * *" if seconds == DAY else f"0 0 * * {THURSDAY}"


def _key_start(key: str) -> datetime:
    return datetime.strptime(f"{key}+0000", f"{KEY_FORMAT}%z")
