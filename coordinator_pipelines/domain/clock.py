"""The door to time: what says ``now``. One is injected wherever the present matters."""

from abc import ABC, abstractmethod
from datetime import datetime


class Clock(ABC):
    """Says what time it is."""

    @abstractmethod
    def now(self) -> datetime:
        """The present, aware, in UTC."""
