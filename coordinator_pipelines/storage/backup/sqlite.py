"""Backups of an SQLite database: copies by the online backup API, whole at one moment.

Add here what concerns such files; avoid what a backup must contain (``backup``).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from coordinator_pipelines import private
from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.storage.engine.database import LOCK_TIMEOUT_SECONDS
from coordinator_pipelines.storage.engine.failures import explained

MAGIC = b"SQLite format 3\0"


def dump(source: Path, file: Path) -> None:
    """Copy the database, as it is at one moment, to a file; writers are not held up.

    Raises:
        LedgerError: the database cannot be read, or the file cannot be written.
    """
    with _opened(source, "mode=ro") as database, _opened(file, "mode=rwc") as copy:
        _copy(database, copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


def check(file: Path) -> None:
    """Read all of a backup.

    Raises:
        LedgerError: it is damaged.
    """
    with _opened(file, "mode=ro&immutable=1") as backup:
        pages = backup.execute("PRAGMA page_count").fetchone()[0]
        size = backup.execute("PRAGMA page_size").fetchone()[0]
        found = backup.execute("PRAGMA quick_check(1)").fetchone()[0]
    if pages * size != file.stat().st_size:
        found = "it is cut off"  # SQLite takes a last page that is cut off as filled with zeros
    if found != "ok":
        raise LedgerError(f"{file} is damaged: {found}")


def rows(file: Path, table: str) -> list[dict[str, str]]:
    """The rows of a small table in a backup, as text; none if there is no such table.

    Raises:
        LedgerError: the file cannot be read.
    """
    with _opened(file, "mode=ro&immutable=1") as backup:
        if not backup.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
            return []
        found = backup.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, map(str, row), strict=True)) for row in found]


def load(file: Path, target: Path) -> None:
    """Replace all that the database holds by the file's content, in one transaction.

    The database's own file stays the same one: who has it open sees the new content.

    Raises:
        LedgerUnavailableError: someone else keeps it locked.
        LedgerError: it cannot be written; it is as it was.
    """
    private.directory(target.parent)
    private.file(target)
    with _opened(file, "mode=ro&immutable=1") as backup, _opened(target, "mode=rwc") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _copy(backup, database)


@contextmanager
def _opened(file: Path, how: str) -> Iterator[sqlite3.Connection]:
    try:
        uri = f"{file.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(uri, uri=True, timeout=1)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise explained(str(file), error) from error


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    source.backup(target, progress=_patience())


def _patience() -> Callable[[int, int, int], None]:
    """Ends a copy that waits for a lock too long: by itself it would wait for ever."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS

    def watch(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise sqlite3.OperationalError("others keep the database locked")

    return watch
