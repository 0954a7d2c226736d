"""The door to market data: what a feed provider must answer, and what a record is.

Add here what every provider shares; avoid putting anything here that knows a vendor, a file
format or a database.

**A record** is a fact about one subject at one instant: its ``close`` is the price *at*
``ended_at``. For candles, ``ended_at`` is the end of the bar (open time + granularity), so the
price at T is the close of the bar that ends at T.

Record frames have exactly the columns of :data:`RECORD_COLUMNS`, sorted by
(``subject``, ``ended_at``), with at most one row per pair:

=========== ==================== ======================================================
subject     str                  the feed's own symbol, such as ``BTCUSDT``
ended_at    datetime64[us, UTC]  the instant the close is the price of
open        float64              price at the start of the bar
high, low   float64              extremes within the bar; ``low <= open, close <= high``
close       float64              price at ``ended_at``; finite and > 0
volume      float64              base-asset volume of the bar, >= 0
source      str                  who says so, such as ``file:btc.csv`` or ``simulated``
=========== ==================== ======================================================
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

RECORD_COLUMNS = ("subject", "ended_at", "open", "high", "low", "close", "volume", "source")
PRICE_COLUMNS = ("open", "high", "low", "close", "volume")
_KINDS: dict[str, Any] = {
    "subject": "object",
    "ended_at": "datetime64[us, UTC]",
    **dict.fromkeys(PRICE_COLUMNS, "float64"),
    "source": "object",
}


class Feed(ABC):
    """A provider of finalised records. Implementations hold no state that changes an answer."""

    @property
    @abstractmethod
    def source(self) -> str:
        """The label that every record of this feed carries in ``source``."""

    @property
    @abstractmethod
    def simulated(self) -> bool:
        """Whether the prices are made up; every page that shows them says so."""

    @property
    def revises(self) -> bool:
        """Whether a record may become another one; else what is stored is not asked for again."""
        return True

    @property
    def records_per_request(self) -> int:
        """How many records of a subject come at once: what a long range costs."""
        return 10_000

    def refuse_too_many(self, instants: int) -> None:
        """Refuse to be asked for so many instants at once; called before the first of them.

        Raises:
            FeedConfigurationError: they would take hours.
        """
        del instants  # of most providers, none are too many

    @abstractmethod
    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """Finalised records with ``start <= ended_at < end``.

        What the provider does not have is absent from the frame; nothing is filled in.

        Raises:
            FeedConfigurationError: a subject or a setting is unknown to the provider.
            FeedDataError: the provider's data is broken.
        """

    @abstractmethod
    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The newest finalised record of each subject with ``ended_at <= as_of``.

        A subject without any record is absent from the frame. Raises like :meth:`records`.
        """


def empty_records() -> pd.DataFrame:
    """A record frame without rows, with the right column types."""
    return as_records({name: [] for name in RECORD_COLUMNS})


def as_records(columns: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    """A well-typed, sorted record frame from columns that hold the right values.

    ``ended_at`` must be aware. Raises ``TypeError`` for naive instants.
    """
    frame = pd.DataFrame(columns, columns=list(RECORD_COLUMNS))
    frame["ended_at"] = pd.to_datetime(frame["ended_at"], utc=frame.empty)
    if getattr(frame["ended_at"].dt, "tz", None) is None:
        raise TypeError("ended_at is naive; every instant carries a time zone")
    # Column by column: a frame's own astype takes twice the time of a small one.
    typed = {name: frame[name].astype(kind) for name, kind in _KINDS.items()}
    return pd.DataFrame(typed).sort_values(["subject", "ended_at"], ignore_index=True)
