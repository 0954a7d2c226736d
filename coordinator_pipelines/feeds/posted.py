"""The feed of challenges whose data an operator posts: it has no records.

Add nothing here that answers with one: features and truths of opened rounds are no prices.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed, empty_records


class PostedFeed(Feed):
    """A feed without subjects."""

    @property
    def source(self) -> str:
        """Who has the data."""
        return "the operator"

    @property
    def simulated(self) -> bool:
        """Nothing is made up."""
        return False

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """None."""
        del subjects, start, end
        return empty_records()

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """None."""
        del subjects, as_of
        return empty_records()
