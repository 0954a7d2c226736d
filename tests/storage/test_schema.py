"""Revisions of the schema: from empty to the newest, on both dialects."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, insert, inspect, text

from coordinator_pipelines.domain.doors.ledger import Identity, Mode
from coordinator_pipelines.domain.values.errors import LedgerError, LedgerSchemaError
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.engine.database import parse_url
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import metadata
from tests.postgresql import PostgresServer
from tests.storage.contents import empty, everything, fill
from tests.storage.examples import memberships

SQLITE_SCHEMA = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY name"
CLAUSES = re.compile(r",\s+")
POSTGRESQL_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
POSTGRESQL_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conname <> 'alembic_version_pkc' ORDER BY 1, 2
"""


RELEASED = [script.revision for script in ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()]


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def migrate(url: str, revision: str) -> None:
    """An empty database as an earlier version made it."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def put_rows(url: str, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> set[str]:
    """Insert rows into the tables that there are; the names of those that have any then."""
    with connected(url) as connection:
        known = inspect(connection)
        filled = [t for t in metadata.sorted_tables if known.has_table(t.name) and rows[t.name]]
        for table in filled:
            there = {column["name"] for column in known.get_columns(table.name)}
            values = [
                {c.name: value for c, value in zip(table.columns, row, strict=True)
                 if c.name in there}
                for row in rows[table.name]
            ]  # fmt: skip
            connection.execute(insert(table), values)
    return {table.name for table in filled}


def described(url: str) -> list[tuple[object, ...]]:
    """All that the database itself says about its tables, but for the order of columns."""
    queries = [POSTGRESQL_COLUMNS, POSTGRESQL_CONSTRAINTS]
    if url.startswith("sqlite"):
        with connected(url) as connection:
            rows = connection.execute(text(SQLITE_SCHEMA)).all()
        return [(name, _clauses(sql)) for name, sql in rows]
    with connected(url) as connection:
        return [tuple(row) for query in queries for row in connection.execute(text(query))]


def _clauses(sql: str | None) -> tuple[str, list[str]]:
    """What makes the table, and its clauses; one that was added later comes after the others."""
    head, _, body = (sql or "").partition("(")
    return head.strip(), sorted(clause.strip() for clause in CLAUSES.split(body))


def test_the_newest_revision_is_the_one_that_alembic_finds():
    assert schema.head_revision() == ScriptDirectory(str(schema.MIGRATIONS)).get_current_head()


def test_an_empty_database_is_upgraded_to_the_newest_revision(bare_database_url: str) -> None:
    assert schema.current_revision(bare_database_url) is None
    schema.upgrade(bare_database_url)
    assert schema.current_revision(bare_database_url) == schema.head_revision()
    SqlLedger(bare_database_url).close()


def test_the_migrations_make_the_tables_that_are_declared(database_url: str) -> None:
    with connected(database_url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrated_sqlite_tables_are_the_declared_ones_to_the_letter(
    sqlite_url: str, tmp_path: Path
) -> None:
    declared = f"sqlite:///{tmp_path / 'declared.db'}"
    with connected(declared) as connection:
        metadata.create_all(connection)
    assert described(sqlite_url) == described(declared)


def test_migrated_postgresql_tables_are_the_declared_ones_to_the_letter(
    postgresql_url: str, postgresql_server: PostgresServer
) -> None:
    declared = postgresql_server.create_database("declared")
    with connected(declared) as connection:
        metadata.create_all(connection)
    assert described(postgresql_url) == described(declared)


def test_upgrading_again_keeps_what_is_stored(database_url: str) -> None:
    ledger = SqlLedger(database_url)
    ledger.record_memberships(memberships(["alpha"]))
    schema.upgrade(database_url)
    assert ledger.memberships(Mode.REPLAY)["model_id"].tolist() == ["alpha"]
    ledger.close()


def test_upgrades_at_the_same_time_take_turns(bare_database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(schema.upgrade, [bare_database_url] * 4))
    assert schema.current_revision(bare_database_url) == schema.head_revision()


def test_opening_a_database_without_schema_tells_what_to_run(bare_database_url: str) -> None:
    with pytest.raises(LedgerSchemaError, match="has no schema; run `coordinator db upgrade`"):
        SqlLedger(bare_database_url)


def test_opening_a_missing_file_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerSchemaError, match="has no schema"):
        SqlLedger(f"sqlite:///{tmp_path / 'missing.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attempt", [SqlLedger, schema.upgrade])
def test_a_schema_of_a_newer_version_is_refused(
    database_url: str, attempt: Callable[[str], object]
) -> None:
    with connected(database_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerSchemaError, match=r"9999.*upgrade coordinator-pipelines"):
        attempt(database_url)


@pytest.mark.parametrize("attempt", [SqlLedger, schema.upgrade, schema.current_revision])
def test_the_database_of_another_program_is_refused(
    bare_database_url: str, attempt: Callable[[str], object]
) -> None:
    if bare_database_url.startswith("sqlite"):
        Path(bare_database_url.removeprefix("sqlite:///")).parent.mkdir()
    with connected(bare_database_url) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('29b539ebc72a')"))
    with pytest.raises(LedgerSchemaError, match=r"another program.* schema 29b539ebc72a"):
        attempt(bare_database_url)


@pytest.mark.parametrize("revision", RELEASED)
def test_an_upgrade_from_each_revision_keeps_all_that_is_stored(
    database_url: str, revision: str
) -> None:
    fill(database_url, Identity("btc-up-down", "simulated"))
    before = everything(database_url)
    empty(database_url)
    migrate(database_url, revision)
    assert schema.current_revision(database_url) == revision
    kept = put_rows(database_url, before)
    assert kept >= {"feed_records", "rounds", "predictions", "ground_truths", "leaderboards"}
    schema.upgrade(database_url)
    assert schema.current_revision(database_url) == schema.head_revision()
    after = everything(database_url)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    SqlLedger(database_url).close()


def test_an_upgrade_that_cannot_be_done_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE scores (mine TEXT)")
    with pytest.raises(LedgerError, match="scores already exists"):
        schema.upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("scores",)]
