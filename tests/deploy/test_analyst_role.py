"""The role for analysts on a real server: it reads, it does not write, it is cut off."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.backup import postgresql_tools
from coordinator_pipelines.storage.tables import metadata
from tests.postgresql import SUPERUSER, PostgresServer

SCRIPT = Path(__file__).parents[2] / "deploy" / "analyst-role.sql"
OWNER, ROLE, DATABASE = "challenge_owner", "Analyst's own", "analysed"
LIMITS = {
    "statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout", "work_mem",
}  # fmt: skip
Connect = Callable[[str], psycopg.Connection]


def run_script(url: str) -> None:
    """As the page tells it."""
    psql = postgresql_tools.find("psql")
    command = [psql, url, "--no-psqlrc", "--set", f"role={ROLE}", "--file", SCRIPT]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def connect(postgresql_server: PostgresServer) -> Iterator[Connect]:
    """Opens connections as a role; the script ran twice, as an owner who is no superuser."""

    def url(user: str, database: str = DATABASE) -> str:
        plain = postgresql_server.url(database)
        return plain.replace(f"{SUPERUSER}@", f"{user.replace(' ', '%20')}@", 1)

    def administer(*statements: str) -> None:
        with psycopg.connect(url(SUPERUSER, "postgres"), autocommit=True) as server:
            for statement in statements:
                names = map(sql.Identifier, (OWNER, DATABASE, ROLE))
                server.execute(sql.SQL(statement).format(*names))

    administer("CREATE ROLE {0} LOGIN CREATEROLE", "CREATE DATABASE {1} OWNER {0}")
    schema.upgrade(url(OWNER))
    run_script(url(OWNER))
    run_script(url(OWNER))
    administer("ALTER ROLE {2} LOGIN")
    yield lambda user: psycopg.connect(url(user), autocommit=True)
    administer("DROP DATABASE {1} WITH (FORCE)", "DROP ROLE {2}", "DROP ROLE {0}")


def test_it_reads_every_table_also_those_that_come_later(connect):
    with connect(OWNER) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS came_later (id integer)")
    with connect(ROLE) as analyst:
        for table in (*metadata.tables, "came_later"):
            name = sql.Identifier(table)
            analyst.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO models (id) VALUES ('mine')",
        "UPDATE leaderboards SET final = true",
        "DELETE FROM predictions",
        "TRUNCATE scores",
        "DROP TABLE scores",
        "CREATE TABLE own (id integer)",
    ],
)
def test_it_changes_nothing_even_if_it_lifts_its_own_limit(connect, statement):
    with connect(ROLE) as analyst:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            analyst.execute(statement)
        analyst.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            analyst.execute(statement)


def test_its_limits_are_those_of_the_page(connect):
    page = (SCRIPT.parents[1] / "docs" / "analysts.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert set(told) == LIMITS
    with connect(ROLE) as analyst:
        for name, value in told.items():
            (found,) = analyst.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            assert found == value.replace(" ", "")


def test_the_query_of_the_page_runs(connect):
    page = (SCRIPT.parents[1] / "docs" / "analysts.md").read_text()
    query = page.partition("```sql\n")[2].partition("```")[0]
    with connect(ROLE) as analyst:
        assert analyst.execute(query).fetchall() == []


@pytest.mark.slow
def test_what_takes_too_long_and_what_is_left_open_is_cut_off(connect):
    with connect(ROLE) as idle, connect(ROLE) as busy:
        idle.autocommit = False
        idle.execute("SELECT 1")
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            busy.execute("SELECT pg_sleep(60)")
        assert 29 < time.monotonic() - began < 40
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            idle.execute("SELECT 1")
