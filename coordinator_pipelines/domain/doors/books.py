"""What an audit reads: the whole ledger, in one state, and when rows were written.

Add a read here when a recomputation needs one; avoid writes: an audit changes nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.evidence import Kind
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.report import Reports


class Books(Ledger, Reports, ABC):
    """A ledger that can be audited."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Until it ends, reads see one state, and every write raises ``LedgerError``.

        For one thread at a time.
        """

    @abstractmethod
    def published(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest model scores with ``after < as_of <= until``: POINT_COLUMNS."""

    @abstractmethod
    def published_boards(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest boards with ``after < as_of <= until``: BOARD_COLUMNS."""

    @abstractmethod
    def last_resolved_at(self, mode: Mode, after: datetime, until: datetime) -> datetime | None:
        """When the last truth, or score of the mode, with ``after < resolvable_at <= until`` came.

        That is when its row was written, whichever version it is.
        """

    @abstractmethod
    def last_member_at(self, mode: Mode) -> datetime | None:
        """When the last membership of the mode was written."""

    @abstractmethod
    def last_record_at(self, start: datetime, end: datetime) -> datetime | None:
        """When the last feed record with ``start <= ended_at < end`` was written."""

    @abstractmethod
    def first_asked_at(self, mode: Mode, start: datetime, end: datetime) -> datetime | None:
        """When the first round with ``start <= performed_at < end`` was written."""

    @abstractmethod
    def positions_about(self, kinds: Collection[Kind], start: datetime, end: datetime) -> list[int]:
        """Where in the log the entries of kinds about instants in [start, end) are, ascending."""
