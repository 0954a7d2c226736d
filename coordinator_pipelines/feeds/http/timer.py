"""Time as a vendor's client needs it: the present, a stopwatch, and waiting.

Add here what measures or spends time; one is injected wherever a provider waits, so that
nothing has to wait in order to be tried out.
"""

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime


class Timer(ABC):
    """The present, a stopwatch and a way to wait."""

    @abstractmethod
    def now(self) -> datetime:
        """The present, aware, in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds since some instant; never runs backwards."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemTimer(Timer):
    """The machine's own time."""

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's stopwatch."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, really."""
        time.sleep(seconds)
