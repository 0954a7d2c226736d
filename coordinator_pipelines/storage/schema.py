"""The schema's revisions: which one a database has, and how it gets the newest.

Add here what concerns the schema as a whole; a change of tables is a module in
``migrations/versions``. Avoid upgrading from anywhere but one command: runs and servers only
check, so that no two of them migrate at once and none locks the tables of a live challenge.
"""

from functools import cache
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from coordinator_pipelines import private
from coordinator_pipelines.domain.values.errors import LedgerSchemaError
from coordinator_pipelines.storage.engine.database import Database
from coordinator_pipelines.storage.tables import ledger_identity

MIGRATIONS = Path(__file__).parent / "migrations"
REVISION = table("alembic_version", column("version_num"))
"""Where Alembic keeps which revision a database has."""


def upgrade(url: str) -> None:
    """Bring a database to the newest schema, in one transaction; it never drops data.

    A missing SQLite file and its directory are made, for this user alone. Two upgrades at once
    take turns.

    Raises:
        LedgerSchemaError: it is another program's, or of a newer version of this one.
        LedgerError: the URL is wrong, the database cannot be reached, or someone else kept
            its tables locked.
    """
    database = Database(url)
    if database.sqlite_file:
        private.directory(database.sqlite_file.parent)
        private.file(database.sqlite_file)
    try:
        with database.writing("schema") as connection:
            revision = _revision_of(connection, database.name)
            if revision is not None:
                require_known(database.name, revision)
            _run_migrations(connection)
    finally:
        database.close()


def current_revision(url: str) -> str | None:
    """The revision of a database's schema, or None if it has none.

    Raises:
        LedgerSchemaError: the schema is another program's.
        LedgerError: the URL is wrong or the database cannot be reached.
    """
    database = Database(url)
    try:
        return _revision(database)
    finally:
        database.close()


@cache
def head_revision() -> str:
    """The revision that this version of the package needs."""
    return _revisions()[-1]


def require_head(database: Database) -> None:
    """Check that a database has the schema that this version needs.

    Raises:
        LedgerSchemaError: it has none or another one; the message tells what to run.
        LedgerError: the database cannot be reached.
    """
    revision, needed = _revision(database), head_revision()
    if revision == needed:
        return
    if revision is None:
        raise LedgerSchemaError(
            f"{database.name} has no schema; run `coordinator db upgrade`{_misspelt(database)}"
        )
    require_known(database.name, revision)
    raise LedgerSchemaError(
        f"{database.name} has schema {revision}, not {needed}; run `coordinator db upgrade`"
    )


def require_known(name: str, revision: str) -> None:
    """Check that this version knows a revision, be it an old one.

    Raises:
        LedgerSchemaError: it does not; the message says ``name`` and what to do.
    """
    if revision not in _revisions():
        raise LedgerSchemaError(
            f"{name} has schema {revision}, which this version does not know: a newer "
            "version made it; upgrade coordinator-pipelines"
        )


def _misspelt(database: Database) -> str:
    """What speaks for a wrong URL."""
    file = database.sqlite_file
    if file is None or file.parent.is_dir():
        return ""
    return f"; the directory {file.parent} does not exist"


def _revision(database: Database) -> str | None:
    if database.sqlite_file and not database.sqlite_file.exists():
        return None  # connecting would create an empty file
    with database.reading() as connection:
        return _revision_of(connection, database.name)


def _revision_of(connection: Connection, name: str) -> str | None:
    tables = inspect(connection)
    if not tables.has_table(REVISION.name):
        return None
    revision: str | None = connection.scalar(select(REVISION.c.version_num))
    if revision is not None and not tables.has_table(ledger_identity.name):
        raise LedgerSchemaError(
            f"{name} is another program's, with a schema {revision} of its own; give the challenge "
            "a database to itself"
        )
    return revision


@cache
def _revisions() -> list[str]:
    """All revisions of this version of the package, the newest last: its modules are named so."""
    return sorted(path.name[1:5] for path in MIGRATIONS.glob("versions/v[0-9]*.py"))


def _run_migrations(connection: Connection) -> None:
    """Alembic is imported when it is needed: it takes longer than all else that a command does."""
    config = import_module("alembic.config").Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    import_module("alembic.command").upgrade(config, "head")
