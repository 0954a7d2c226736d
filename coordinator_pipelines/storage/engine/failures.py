"""What the database's failures mean for the caller: pass by themselves, or need someone.

Add a failure here that must be told apart; avoid catching anything (``database`` does).
"""

import re
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from coordinator_pipelines.domain.values.errors import LedgerError, LedgerUnavailableError

DATABASE_ERRORS = (DBAPIError, PoolTimeoutError, psycopg.Error, sqlite3.Error)
"""What connections raise: SQLAlchemy's, and the driver's own where it is used directly."""

_PASSING_STATES = re.compile(
    r"08\w{3}"  # connection exceptions
    r"|57P0[1235]"  # the server shuts down, crashed, starts up, or closed an idle session
    r"|53\w{3}"  # too many connections, no memory, no room on the disk
    r"|55P03|40\w{3}"  # others held a lock too long, or were in the way
    r"|57014|25P0[34]"  # it took longer than the server allows, or somebody cancelled it
)
_PASSING_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}
_REFUSED = re.compile(
    r"authentication|password|pg_hba\.conf|does not exist|not permitted|permission|SSL|certificate"
    r"|invalid",
    re.IGNORECASE,
)
"""A server that lets nobody in, as told before there is a state to go by. Whatever else is told
then (in the server's language) counts as passing."""


def explained(name: str, error: Exception) -> LedgerError:
    """The error of ours for one of ``DATABASE_ERRORS``; ``name`` is the database as shown."""
    if isinstance(error, PoolTimeoutError):
        return LedgerUnavailableError(f"{name}: no free connection; close unused ones")
    cause = error.orig if isinstance(error, DBAPIError) else error
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    kind = LedgerUnavailableError if lost or _passes(cause) else LedgerError
    return kind(f"{name}: {_told(cause)}")


def _passes(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _PASSING_CODES
    if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
        return _PASSING_STATES.fullmatch(cause.sqlstate) is not None
    return isinstance(cause, psycopg.OperationalError) and not _REFUSED.search(str(cause))


def _told(cause: BaseException | None) -> str:
    told = " ".join(str(cause).split())[:500]
    if "foreign key" in told.lower():
        return f"{told} (record memberships and register configs before what refers to them)"
    return told
