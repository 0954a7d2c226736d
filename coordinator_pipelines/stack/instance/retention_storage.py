"""How much room Dagster's storage takes, and how what was deleted is given back.

Add here what differs between SQLite and PostgreSQL; avoid what is deleted (``retention``).
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage

from coordinator_pipelines.domain.values.errors import CoordinatorError

NO_RUN = ""
"""The run id of what a sensor reports by itself."""
PATIENCE_SECONDS = 30.0
"""How long a database that others write may keep us waiting."""


def event_log(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    """Dagster's event log, as the tables that it is.

    Raises:
        CoordinatorError: it is kept in another way.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise CoordinatorError(
            f"Dagster's events are kept by {type(storage).__name__}, which cannot be pruned; name "
            f"SQLite or PostgreSQL in {_directory(instance) / 'dagster.yaml'}"
        )
    return storage


def size(instance: dg.DagsterInstance) -> int:
    """Bytes of Dagster's databases, and of the files in the instance's directory."""
    files = sum(path.stat().st_size for path in _directory(instance).rglob("*") if path.is_file())
    if _in_files(instance):
        return files
    with event_log(instance).index_connection() as connection:
        asked = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
        return files + int(asked.scalar_one())


def compact(instance: dg.DagsterInstance) -> list[Path]:
    """Give the room of deleted rows back to the disk; the files that were too busy for it.

    PostgreSQL does it by itself: it uses that room again.
    """
    if not _in_files(instance):
        return []
    directory = _directory(instance)
    names = ("history/runs.db", "history/runs/index.db", f"history/runs/{NO_RUN}.db")
    files = [*map(directory.joinpath, names), *directory.glob("schedules/*.db")]
    return [file for file in files if file.exists() and not _vacuumed(file)]


def _vacuumed(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as database:
        try:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            return False
    return True


def _in_files(instance: dg.DagsterInstance) -> bool:
    return isinstance(instance.event_log_storage, SqliteEventLogStorage)


def _directory(instance: dg.DagsterInstance) -> Path:
    return Path(instance.root_directory)
