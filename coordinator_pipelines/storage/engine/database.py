"""How a database is reached: its URL, connections, transactions, errors told without secrets.

Add connection settings here; avoid queries and tables.

Every write is one transaction that either ends well or leaves nothing. Writers of one family
(such as ``scores``) take turns, so that what a write read still holds when it writes: on SQLite
by ``BEGIN IMMEDIATE`` (one writer per file), on PostgreSQL by an advisory lock per family.
"""

import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryLoader
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.storage.engine.failures import DATABASE_ERRORS, explained

WAIT_SECONDS = 0.01
LOCK_TIMEOUT_SECONDS = 60
"""How long a writer waits for another one before it gives up."""

REACH = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""Seconds (the last one: milliseconds) until a server that is silent counts as gone. The URL may
say otherwise."""

_OPTIONS = f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s -c timezone=UTC"

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
_WRITER = "ledger_writer"
BINARY = "ledger_binary"
"""The option of a statement whose results PostgreSQL gives in binary: the driver's own values,
instants in microseconds since 2000."""


class Database:
    """Connections to one database; transactions for readers and writers."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.name = describe(self.url)
        self._engine = _engine(self.url)
        self._writers = self._engine.execution_options(**{_WRITER: True})
        self._seen: Connection | None = None

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file, or None for a server."""
        return Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database and changes nothing.

        Raises:
            LedgerUnavailableError: the database does not answer for now.
            LedgerError: it cannot be used as it is, or refused the query.
        """
        if self._seen is not None:
            yield self._seen
            return
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Until it ends, readers see one state of the database, and writers are refused.

        For one thread at a time.

        Raises:
            LedgerUnavailableError: like :meth:`reading`.
            LedgerError: like :meth:`reading`; or something was to be written.
        """
        with self._translated(), self._engine.begin() as connection:
            _see_one_state(connection)
            self._seen = connection
            try:
                yield
            finally:
                self._seen = None

    @contextmanager
    def writing(self, family: str | None = None) -> Iterator[Connection]:
        """A transaction that is alone among the writers of its family.

        Without a family it waits for nobody on PostgreSQL: enough for a single statement that
        is right whatever others write.

        Raises:
            LedgerUnavailableError: like :meth:`reading`; or others kept the lock too long.
            LedgerError: like :meth:`reading`.
        """
        if self._seen is not None:
            raise LedgerError("nothing is written while one state of the database is looked at")
        with self._translated(), self._writers.begin() as connection:
            if family is not None:
                take_turn(connection, family)
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DATABASE_ERRORS as error:
            raise explained(self.name, error) from error


def take_turn(connection: Connection, family: str) -> None:
    """Wait until no other writer of the family is left; until the transaction ends, none is let in.

    SQLite has one writer anyway. Who takes turns in two families must do so in one order
    everywhere.
    """
    if connection.dialect.name == "postgresql":
        number = zlib.crc32(f"coordinator_pipelines.{family}".encode())
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": number})


def parse_url(url: str) -> URL:
    """A database URL with the driver that this project uses.

    ``sqlite:///path`` (a file), ``postgresql://`` and ``postgres://`` are understood.

    Raises:
        LedgerError: it is anything else. The text does not repeat the URL: it may hold a secret.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        raise LedgerError(
            "the database URL cannot be read; write sqlite:///directory/file.db or "
            "postgresql://user:password@host:5432/database"
        ) from None
    backend = parsed.drivername.split("+")[0]
    if backend not in _DRIVERS:
        raise LedgerError(f"database URLs start with sqlite or postgresql, not {backend!r}")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise LedgerError("an SQLite database must be a file; write sqlite:///directory/file.db")
    return parsed.set(drivername=_DRIVERS[backend])


def describe(url: URL) -> str:
    """The URL as errors may show it: password masked, options left out."""
    shown = url.set(drivername=url.get_backend_name(), query={})
    return shown.render_as_string(hide_password=True)


def server_options(url: URL) -> str:
    """What a PostgreSQL server is told at the start of a session; what the URL says comes last."""
    given = url.normalized_query.get("options", ())
    return " ".join([_OPTIONS, *given])


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_pre_ping": True,
        "pool_recycle": 1800,
    }
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url, connect_args={"timeout": LOCK_TIMEOUT_SECONDS, "isolation_level": None}, **options
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    settings: dict[str, Any] = {
        "options": server_options(url),
        # A prepared query keeps the plan that was good for tables which were small then.
        "prepare_threshold": None,
    }
    settings |= {name: value for name, value in REACH.items() if name not in url.query}
    engine = create_engine(url, connect_args=settings, **options)
    event.listen(engine, "connect", _count_instants)
    event.listen(engine, "before_cursor_execute", _ask_for_binary)
    return engine


def _count_instants(connection: Any, _record: object) -> None:
    """Take instants of binary results as the whole numbers that they are."""
    connection.adapters.register_loader("timestamptz", Int8BinaryLoader)


def _ask_for_binary(
    _connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    """Numbers and instants come as they are stored, and nothing is written out to be read again."""
    if context.execution_options.get(BINARY):
        cursor.format = Format.BINARY


def _prepare_sqlite(connection: Any, _record: object) -> None:
    _use_wal(connection)
    for setting in (
        "synchronous = FULL",  # a captured round is safe from a power cut once committed
        "foreign_keys = ON",
        "cache_size = -65536",  # 64 MiB: the index on prediction ids is filled in no order
    ):
        connection.execute(f"PRAGMA {setting}")


def _use_wal(connection: Any) -> None:
    """Let readers and the writer not wait for each other.

    To make a new file so, SQLite waits for nobody: of several who open it at once, all but one are
    told that it is locked.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAIT_SECONDS)
        else:
            return


def _see_one_state(connection: Connection) -> None:
    """Keep the transaction to what the database was at its first read; of SQLite all are so."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _begin_sqlite(connection: Connection) -> None:
    writer = connection.get_execution_options().get(_WRITER)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")
