"""How a database is reached, and what is said when it is not."""

import traceback
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from coordinator_pipelines.domain.values.errors import LedgerError, LedgerUnavailableError
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.engine.database import Database, describe, parse_url
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import feed_records

SECRET = "hunter2"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgresql_is_reached_by_psycopg_3_however_it_is_spelled(scheme: str) -> None:
    assert parse_url(f"{scheme}://me@host/db").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresql://me:{SECRET}@host:port/db", "the database URL cannot be read"),
        (f"{SECRET}", "the database URL cannot be read"),
        (f"mysql://me:{SECRET}@host/db", "start with sqlite or postgresql, not 'mysql'"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_secrets(url: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message) as refused:
        SqlLedger(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_an_unreachable_server_is_named_without_password() -> None:
    url = f"postgresql://me:{SECRET}@localhost:1/db?connect_timeout=1&sslpassword={SECRET}"
    with pytest.raises(
        LedgerError, match=r"postgresql://me:\*\*\*@localhost:1/db: .*port 1"
    ) as refused:
        SqlLedger(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_a_directory_instead_of_a_file_is_an_error_of_the_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="unable to open database file"):
        SqlLedger(f"sqlite:///{tmp_path}")


def test_a_described_url_has_no_password_and_no_options() -> None:
    url = parse_url(f"postgres://me:{SECRET}@host:5432/db?password={SECRET}")
    assert describe(url) == "postgresql://me:***@host:5432/db"


def test_the_url_of_the_file_survives_percent_signs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / '50%25 off' / 'ledger.db'}"
    schema.upgrade(url)
    SqlLedger(url).close()


@pytest.mark.parametrize("number", ["'NaN'", "'Infinity'", "'-Infinity'"])
def test_postgresql_itself_refuses_numbers_that_are_not_finite(
    postgresql_url: str, number: str
) -> None:
    engine = create_engine(parse_url(postgresql_url))
    statement = text(
        "INSERT INTO feed_records (subject, ended_at, version, close, source, observed_at) "
        f"VALUES ('BTC', now(), 1, {number}, 'test', now())"
    )
    with engine.connect() as connection, pytest.raises(DBAPIError, match="close_finite"):
        connection.execute(statement)
    engine.dispose()


def test_instants_are_bound_and_read_back_as_utc(database_url: str) -> None:
    database = Database(database_url)
    east = datetime(2025, 1, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    values = {"subject": "BTC", "version": 1, "close": 1.0, "source": "test"}
    with database.writing("test") as connection:
        connection.execute(insert(feed_records).values(ended_at=east, observed_at=east, **values))
        read = connection.execute(select(feed_records.c.ended_at)).scalar_one()
        made = connection.execute(select(feed_records.c.created_at)).scalar_one()
    database.close()
    assert read == east
    assert read.tzinfo is UTC
    assert abs(made - datetime.now(UTC)) < timedelta(minutes=5)


def test_no_query_keeps_a_plan_that_was_made_for_small_tables(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.reading() as connection:
        for _ in range(10):
            connection.execute(select(feed_records.c.subject)).all()
        kept = connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one()
    database.close()
    assert kept == 0


def test_what_the_url_says_of_the_session_is_said_to_the_server(postgresql_url: str) -> None:
    options = quote("-c search_path=pg_catalog -c lock_timeout=7s")
    database = Database(f"{postgresql_url}&options={options}")
    with database.reading() as connection:
        told = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("search_path", "lock_timeout", "timezone")
        ]
    database.close()
    assert told == ["pg_catalog", "7s", "UTC"]


def test_a_query_that_the_server_ends_may_succeed_later(postgresql_url: str) -> None:
    database = Database(f"{postgresql_url}&options={quote('-c statement_timeout=20ms')}")
    with (
        pytest.raises(LedgerUnavailableError, match="statement timeout"),
        database.reading() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(1)"))
    database.close()


def test_a_naive_instant_is_not_bound(database_url: str) -> None:
    database = Database(database_url)
    naive = datetime(2025, 1, 1)  # noqa: DTZ001 - what is refused
    statement = select(feed_records.c.subject).where(feed_records.c.ended_at == naive)
    with database.reading() as connection, pytest.raises(StatementError, match="naive"):
        connection.execute(statement)
    database.close()
