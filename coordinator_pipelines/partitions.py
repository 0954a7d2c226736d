"""Batch windows as Dagster partitions: the one place that knows both.

Add a partitions definition here; avoid assets, and time arithmetic that needs no Dagster
(``domain.timeline``).
"""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of

KEY_FORMAT = "%Y-%m-%d-%H:%M"
CRON = {"15m": "*/15 * * * *", "1h": "0 * * * *", "1d": "0 0 * * *"}


def batch_windows(challenge: Challenge) -> dg.TimeWindowPartitionsDefinition:
    """One partition per batch window, from the challenge's start; UTC.

    The current and the next window are among them, so that rounds can be captured into a window
    that is still open; none begins at or after the challenge's end.
    """
    return dg.TimeWindowPartitionsDefinition(
        start=challenge.start,
        end=challenge.end,
        fmt=KEY_FORMAT,
        cron_schedule=CRON[challenge.batch_window],
        timezone="UTC",
        end_offset=2,
    )


def window_key(window: Window) -> str:
    """The partition key of a batch window."""
    return f"{window.start:{KEY_FORMAT}}"


def key_window(key: str, challenge: Challenge) -> Window:
    """The batch window of a partition key."""
    start = datetime.strptime(f"{key}+0000", f"{KEY_FORMAT}%z")
    return window_of(start, challenge.window_length)


def run_windows(context: dg.AssetExecutionContext, challenge: Challenge) -> Sequence[Window]:
    """The batch windows that a run is about, in order."""
    return sorted(key_window(key, challenge) for key in context.partition_keys)


def begun_windows(
    context: dg.AssetExecutionContext, challenge: Challenge, now: datetime
) -> Sequence[Window]:
    """The batch windows of a run that have begun; those still ahead have no board yet."""
    return [window for window in run_windows(context, challenge) if window.start < now]
