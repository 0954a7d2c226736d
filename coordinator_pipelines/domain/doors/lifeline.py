"""The door to whoever started this process, and would start it again.

Add here what a process must know of that; avoid how it is found out.
"""

from abc import ABC, abstractmethod


class Lifeline(ABC):
    """What a process hangs by that must not live on alone."""

    @abstractmethod
    def severed(self) -> str | None:
        """Why nobody looks after this process any more; None while somebody does."""
