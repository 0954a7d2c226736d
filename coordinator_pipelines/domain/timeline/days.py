"""What is read of the past by the day, each day once.

Add here how days are kept between spans; avoid what is read of one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from coordinator_pipelines.domain.timeline.window import Window, windows_between

DAY = timedelta(days=1)

T = TypeVar("T")


class ByDay(Generic[T]):
    """Reads the days of spans asked for in ascending order, and keeps those of the last one.

    So memory does not grow with the history, and spans that overlap read a day once.
    """

    def __init__(self, read: Callable[[Window], T]) -> None:
        self._read = read
        self._known: dict[Window, T] = {}

    def over(self, start: datetime, end: datetime) -> list[T]:
        """What was read of each day that a span touches, in order."""
        known, days = self._known, windows_between(start, end, DAY)
        self._known = {day: known[day] if day in known else self._read(day) for day in days}
        return list(self._known.values())
