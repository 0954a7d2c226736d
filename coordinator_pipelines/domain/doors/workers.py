"""The door to concurrency: who runs what must not hold up the thread that keeps time.

Threads, in a real run; in a rehearsal with an injected clock, work done on the spot.
"""

from abc import ABC, abstractmethod
from concurrent.futures import Executor


class Workers(ABC):
    """Makes executors. Leaving one as a context manager waits for what it was given."""

    @abstractmethod
    def __call__(self, most: int) -> Executor:
        """An executor that does at most so many things at once."""
