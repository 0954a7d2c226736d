"""Backup and restore of a challenge's database: one file that holds all of it.

Add here what holds for both dialects: what may be overwritten, what a backup must contain; avoid
the ways of copying (``sqlite``, ``postgresql``).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, inspect, select

from coordinator_pipelines import private
from coordinator_pipelines.domain.doors.ledger import Identity
from coordinator_pipelines.domain.values.errors import (
    LedgerError,
    LedgerIdentityError,
    LedgerSchemaError,
)
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.backup import postgresql, sqlite
from coordinator_pipelines.storage.engine.database import Database
from coordinator_pipelines.storage.tables import ledger_identity, predictions, rounds

FORMATS = {
    sqlite.MAGIC: "an SQLite database",
    postgresql.MAGIC: "a PostgreSQL database",
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds. No identity: no challenge has claimed it."""

    revision: str | None
    identity: Identity | None = None
    rounds: int = 0
    predictions: int = 0

    def __str__(self) -> str:
        whose = "no challenge"
        if self.identity:
            whose = f"challenge {self.identity.challenge}, feed {self.identity.feed}"
        counts = f"{self.rounds:,} rounds, {self.predictions:,} predictions"
        return f"schema {self.revision or 'none'}, {whose}, {counts}"


def contents(url: str) -> Contents:
    """What a database holds now.

    Raises:
        LedgerError: the URL is wrong or the database cannot be reached.
    """
    revision = schema.current_revision(url)
    if revision is None:
        return Contents(None)
    database = Database(url)
    try:
        with database.reading() as connection:
            counts = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (rounds, predictions)
            ]
            owner = connection.execute(select(ledger_identity)).one_or_none()
    finally:
        database.close()
    identity = None if owner is None else Identity(owner.challenge, owner.feed)
    return Contents(revision, identity, *counts)


def backup(url: str, file: Path, environment: Mapping[str, str], *, overwrite: bool = False) -> int:
    """Write the database, as it is at one moment, to a file; its size in bytes.

    Runs may write meanwhile. The file appears when it is complete.

    Args:
        url: the database.
        file: where to; its directory must exist.
        environment: of the programs that PostgreSQL needs for this.
        overwrite: whether a file that exists is replaced.

    Raises:
        LedgerSchemaError: the database has no schema: there is nothing to back up.
        LedgerError: the file exists; or the database or the file cannot be used.
    """
    if not file.parent.is_dir():
        raise LedgerError(f"{file} cannot be written: there is no directory {file.parent}")
    if file.exists() and not overwrite:
        raise LedgerError(f"{file} exists; give another name, or --force to replace it")
    database = Database(url)
    if schema.current_revision(url) is None:
        raise LedgerSchemaError(f"{database.name} has no schema; there is nothing to back up")
    with _appearing(file) as partial:
        private.file(partial)
        if database.sqlite_file:
            sqlite.dump(database.sqlite_file, partial)
        else:
            postgresql.dump(database.url, partial, environment)
    return file.stat().st_size


def restore(
    url: str,
    file: Path,
    identity: Identity,
    environment: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> Contents:
    """Replace what the database holds by a backup's content, all or nothing; what it holds then.

    Args:
        url: the database; a missing SQLite file is created.
        file: made by :func:`backup`, on the same kind of database.
        identity: whose backup it must be.
        environment: of the programs that PostgreSQL needs for this.
        overwrite: whether a challenge that the database holds may be replaced.

    Raises:
        LedgerIdentityError: the backup is another challenge's, or has another feed.
        LedgerSchemaError: the backup is of a newer version of this package.
        LedgerError: the database holds a challenge, or something else; the file is no backup, or
            damaged; or the database cannot be used. The database is as it was.
    """
    database = Database(url)
    _require_format(file, sqlite.MAGIC if database.sqlite_file else postgresql.MAGIC)
    held = contents(url)
    if held.revision is None:
        _require_empty(url)
    if not overwrite and (held.identity or held.rounds):
        raise LedgerError(
            f"{database.name} holds a challenge already ({held}); give --force to replace it"
        )
    if database.sqlite_file:
        sqlite.check(file)
        _require_own(file, identity, lambda table: sqlite.rows(file, table))
        sqlite.load(file, database.sqlite_file)
    else:
        revision = _require_own(
            file, identity, lambda table: postgresql.rows(file, table, environment)
        )
        if held.revision not in {None, revision}:
            raise LedgerSchemaError(
                f"{database.name} has schema {held.revision}, {file} has {revision}; restore it "
                "into an empty database"
            )
        postgresql.load(file, database.url, environment)
    return contents(url)


def _require_empty(url: str) -> None:
    """Whatever else there is would be lost: tables of the same names, or the whole file."""
    database = Database(url)
    if database.sqlite_file and not database.sqlite_file.exists():
        return
    try:
        with database.reading() as connection:
            tables = sorted(inspect(connection).get_table_names())
    finally:
        database.close()
    if tables:
        raise LedgerError(
            f"{database.name} holds tables of something else ({', '.join(tables[:5])}); restore "
            "into an empty database"
        )


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A name to write to; the file gets its own name when all is written and safe."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(file)
    except OSError as error:
        raise LedgerError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _require_format(file: Path, magic: bytes) -> None:
    try:
        with file.open("rb") as opened:
            start = opened.read(len(sqlite.MAGIC))
    except OSError as error:
        raise LedgerError(f"{file} cannot be read: {error.strerror}") from error
    found = next((known for known in FORMATS if start.startswith(known)), None)
    if found is None:
        raise LedgerError(f"{file} is no backup; `coordinator db backup` makes one")
    if found != magic:
        raise LedgerError(
            f"{file} is a backup of {FORMATS[found]}; this challenge's is {FORMATS[magic]}"
        )


def _require_own(
    file: Path, identity: Identity, rows: Callable[[str], list[dict[str, str]]]
) -> str:
    """Check whose backup it is, by what ``rows`` finds in its tables; its schema's revision."""
    revisions = rows("alembic_version")
    if not revisions:
        raise LedgerError(f"{file} is no backup of a challenge; `coordinator db backup` makes one")
    revision = revisions[0]["version_num"]
    schema.require_known(str(file), revision)
    for owner in rows("ledger_identity"):
        found = Identity(owner["challenge"], owner["feed"])
        if found != identity:
            raise LedgerIdentityError(
                f"{file} is a backup of challenge {found.challenge!r} with feed {found.feed!r}, "
                f"not of {identity.challenge!r} with feed {identity.feed!r}"
            )
    return revision
