"""The door to whoever looks after a challenge: messages of alerts and of their ends.

Add here what a message must say; avoid services, addresses and secrets.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``good``: that something is over."""

    title: str
    text: str
    good: bool


class Notifier(ABC):
    """Tells people."""

    @property
    @abstractmethod
    def is_set(self) -> bool:
        """Whether there is anybody to tell."""

    @abstractmethod
    def send(self, message: Message) -> None:
        """Tell everybody.

        Raises:
            AlertError: nobody was told, or not everybody; the text has no address.
        """
