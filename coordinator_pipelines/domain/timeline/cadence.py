"""When rounds happen: the grid of instants that an interval and an offset describe.

Add what follows from the grid here; avoid clocks (the caller brings ``now``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.timeline.instant import ceil_epoch, from_epoch, utc_index
from coordinator_pipelines.domain.timeline.window import Window


@dataclass(frozen=True, slots=True)
class Cadence:
    """When rounds happen: ``performed_at`` = epoch + offset + k * interval, whole seconds.

    Without an interval they follow from nothing: an operator opens them.
    """

    interval_seconds: int | None
    offset_seconds: int
    horizon_seconds: int

    def rounds(self, window: Window) -> pd.DatetimeIndex:
        """Every ``performed_at`` in [start, end), ascending, whatever the time zone is."""
        if self.interval_seconds is None:
            return utc_index([])
        first = _first_at_or_after(window.start, self.interval_seconds, self.offset_seconds)
        stop = ceil_epoch(window.end)
        return utc_index(range(first, stop, self.interval_seconds))

    def next_round(self, instant: datetime) -> datetime | None:
        """The first ``performed_at`` at or after the instant; None if that is not known."""
        if self.interval_seconds is None:
            return None
        return from_epoch(_first_at_or_after(instant, self.interval_seconds, self.offset_seconds))

    @property
    def horizon(self) -> timedelta:
        """From ``performed_at`` to ``resolvable_at``."""
        return timedelta(seconds=self.horizon_seconds)


def _first_at_or_after(instant: datetime, interval: int, offset: int) -> int:
    reached = ceil_epoch(instant) - offset
    return -(-reached // interval) * interval + offset
