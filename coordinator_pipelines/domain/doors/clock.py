"""The door to time: what says ``now``, and waits. One is injected wherever the present matters."""

from abc import ABC, abstractmethod
from datetime import datetime


class Clock(ABC):
    """Says what time it is, and lets time pass."""

    @abstractmethod
    def now(self) -> datetime:
        """The present, aware, in UTC."""

    @abstractmethod
    def wait_until(self, instant: datetime) -> None:
        """Return at the instant, or at once if it is over."""
