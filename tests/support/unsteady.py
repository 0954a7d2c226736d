"""A database that is away when a test says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from coordinator_pipelines.storage.engine.database import Database
from coordinator_pipelines.storage.sql_ledger import SqlLedger


class UnsteadyDatabase(Database):
    """A real database behind a line that can be cut.

    ``away``: whether it is cut now. ``lost_after_commit``: whether an answer gets lost on the way
    back now, so that nobody knows that a transaction took place.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.away: Callable[[], bool] = lambda: False
        self.lost_after_commit: Callable[[], bool] = lambda: False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See :meth:`Database.reading`."""
        self._check(self.away)
        with super().reading() as connection:
            yield connection

    @contextmanager
    def writing(self, family: str | None = None) -> Iterator[Connection]:
        """See :meth:`Database.writing`."""
        self._check(self.away)
        with super().writing(family) as connection:
            yield connection
        self._check(self.lost_after_commit)

    def _check(self, broken: Callable[[], bool]) -> None:
        if broken():
            raise LedgerUnavailableError(f"{self.name}: the line is cut")


class UnsteadyLedger(SqlLedger):
    """A ledger on such a database."""

    def __init__(self, url: str, **options: object) -> None:
        super().__init__(url, **options)  # type: ignore[arg-type]
        super().close()
        self.line = UnsteadyDatabase(url)
        self._database = self.line
