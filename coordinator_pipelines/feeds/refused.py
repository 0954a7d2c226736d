"""A feed that cannot be opened, in the place of one: it says why whenever it is asked.

Add nothing here that answers. It serves where a feed is worth having but not worth stopping
for, such as the reference of a check.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.values.errors import FeedError


class RefusedFeed(Feed):
    """Raises, at every question, the error with which the feed was refused."""

    def __init__(self, error: FeedError) -> None:
        self._error = error

    @property
    def source(self) -> str:
        """That there is none."""
        return "none"

    @property
    def simulated(self) -> bool:
        """There are no prices."""
        return False

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """Nothing but the error."""
        del subjects, start, end
        raise self._error

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """Nothing but the error."""
        del subjects, as_of
        raise self._error
