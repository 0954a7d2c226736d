"""A database that is away for a while, and what is said of one that will not have us."""

import socket
import sqlite3
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.values.errors import LedgerError, LedgerUnavailableError
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.engine import database
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.postgresql import PostgresServer
from tests.storage.examples import CONFIG, START, memberships, predictions, prepare, rounds

SECRET = "hunter2"


@pytest.fixture(scope="module")
def own_server(postgresql_server: PostgresServer) -> Iterator[PostgresServer]:
    """A server beside the one of all tests: these take it down."""
    del postgresql_server
    with PostgresServer(durable=True) as server:
        schema.upgrade(server.create_database("ledger"))
        yield server


@pytest.fixture
def ledger_of_own_server(own_server: PostgresServer) -> Iterator[SqlLedger]:
    ledger = SqlLedger(own_server.url("ledger"))
    yield ledger
    ledger.close()


def take_down(server: PostgresServer, how: str) -> None:
    if how == "killed":
        server.kill()
    else:
        server.stop("fast")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_ledger_works_again_once_its_server_is_back(
    own_server: PostgresServer, ledger_of_own_server: SqlLedger, how: str
) -> None:
    ledger = ledger_of_own_server
    ledger.record_memberships(memberships(["alpha"]))
    take_down(own_server, how)
    for _ in range(2):
        with pytest.raises(LedgerUnavailableError, match=r"postgresql://.*/ledger: "):
            ledger.memberships(Mode.REPLAY)
        with pytest.raises(LedgerUnavailableError):
            ledger.claim_rounds([CONFIG], START, "run-1", START)
        with pytest.raises(LedgerUnavailableError):
            SqlLedger(own_server.url("ledger"))
    own_server.start()
    assert ledger.memberships(Mode.REPLAY)["model_id"].tolist() == ["alpha"]


def test_a_restart_between_two_calls_is_not_noticed(
    own_server: PostgresServer, ledger_of_own_server: SqlLedger
) -> None:
    prepare(ledger_of_own_server)
    for minute, how in enumerate(("killed", "stopped")):
        take_down(own_server, how)
        own_server.start()
        added = ledger_of_own_server.add_prediction_batch(rounds([minute]), predictions([minute]))
        assert added.added == 2


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_transaction_that_loses_its_server_leaves_nothing(
    own_server: PostgresServer, ledger_of_own_server: SqlLedger, how: str
) -> None:
    ledger = ledger_of_own_server
    prepare(ledger)

    def write() -> None:
        with ledger._database.writing("test") as connection:
            connection.exec_driver_sql("DELETE FROM model_memberships")
            take_down(own_server, how)
            connection.exec_driver_sql("DELETE FROM models")

    with pytest.raises(LedgerUnavailableError):
        write()
    own_server.start()
    assert not ledger.memberships(Mode.REPLAY).empty


def test_a_copy_that_loses_its_server_is_an_outage_too(
    own_server: PostgresServer, ledger_of_own_server: SqlLedger
) -> None:
    ledger, minutes = ledger_of_own_server, range(200, 300)
    prepare(ledger)

    def copy_in() -> None:
        with ledger._database.writing("test") as connection:
            cursor = connection.connection.cursor()
            own_server.kill()
            with cursor.copy("COPY models (id) FROM STDIN") as copy:
                copy.write("alpha")

    with pytest.raises(LedgerUnavailableError):
        copy_in()
    own_server.start()
    assert ledger.add_prediction_batch(rounds(minutes), predictions(minutes)).added == 200


def test_a_server_that_is_starting_up_is_an_outage() -> None:
    with answering(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0") as url:
        for attempt in (SqlLedger, schema.upgrade, schema.current_revision):
            with pytest.raises(LedgerUnavailableError, match="starting up") as told:
                attempt(url)
            assert SECRET not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize(
    "message",
    [
        'password authentication failed for user "me"',
        'database "db" does not exist',
        'no pg_hba.conf entry for host "10.0.0.1", user "me", database "db", no encryption',
    ],
)
def test_a_server_that_lets_nobody_in_is_no_outage(message: str) -> None:
    answer = b"SFATAL\0C28P01\0M" + message.encode() + b"\0\0"
    with answering(answer) as url, pytest.raises(LedgerError) as refused:
        SqlLedger(url)
    assert not isinstance(refused.value, LedgerUnavailableError)
    assert message in str(refused.value)


def test_a_server_that_never_answers_is_an_outage_after_a_while() -> None:
    with silent() as url, pytest.raises(LedgerUnavailableError, match="timeout"):
        SqlLedger(f"{url}?connect_timeout=2")


@pytest.mark.slow
def test_nobody_has_to_set_that_while() -> None:
    with silent() as url, pytest.raises(LedgerUnavailableError, match="timeout"):
        SqlLedger(url)


def test_a_locked_file_is_an_outage(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_SECONDS", 0)
    ledger = SqlLedger(sqlite_url)
    with closing(sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailableError, match="database is locked"):
            ledger.record_memberships(memberships())
    ledger.record_memberships(memberships())
    ledger.close()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://me:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/db"


@contextmanager
def answering(fields: bytes) -> Iterator[str]:
    """A server that answers each connection with one error, in PostgreSQL's protocol."""
    answer = b"E" + (len(fields) + 4).to_bytes(4) + fields

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(8) == b"\0\0\0\x08\x04\xd2\x16/":
                        connection.sendall(b"N")  # no encryption here
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"postgresql://me:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/db?gssencmode=disable"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
