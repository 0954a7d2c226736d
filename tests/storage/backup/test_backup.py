"""Backups: what is overwritten, and which files are no backup."""

import os
import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from coordinator_pipelines.domain.doors.ledger import Identity, Mode
from coordinator_pipelines.domain.values.errors import (
    LedgerError,
    LedgerIdentityError,
    LedgerSchemaError,
)
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.backup import postgresql_tools
from coordinator_pipelines.storage.backup.backup import backup, restore
from coordinator_pipelines.storage.engine.database import parse_url
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.contents import empty, everything, fill
from tests.storage.examples import HOUR, START, predictions, rounds

OWN = Identity("btc-up-down", r"file:C:\prices.csv")


def put(url: str, file: Path, *, overwrite: bool = False) -> int:
    return backup(url, file, os.environ, overwrite=overwrite)


def get(url: str, file: Path, identity: Identity = OWN, *, overwrite: bool = False) -> str:
    return str(restore(url, file, identity, os.environ, overwrite=overwrite))


def test_what_exists_is_replaced_only_where_that_is_wanted(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "challenge.backup"
    fill(database_url, OWN)
    assert put(database_url, file) == file.stat().st_size
    with pytest.raises(LedgerError, match=r"challenge\.backup exists"):
        put(database_url, file)
    before = everything(database_url)
    ledger = SqlLedger(database_url)
    ledger.add_prediction_batch(rounds([7]), predictions([7]))
    with pytest.raises(LedgerError, match=r"holds a challenge already .*11 rounds, 22 predictions"):
        get(database_url, file)
    assert len(ledger.rounds(Mode.REPLAY, START, START + HOUR)) == 6
    assert "10 rounds, 20 predictions" in get(database_url, file, overwrite=True)
    assert len(ledger.rounds(Mode.REPLAY, START, START + HOUR)) == 5
    ledger.close()
    assert everything(database_url) == before
    put(database_url, file, overwrite=True)
    assert [path.name for path in tmp_path.glob("*backup*")] == [file.name]


def test_a_schema_without_a_challenge_may_be_restored_over(
    database_url: str, tmp_path: Path
) -> None:
    fill(database_url, OWN)
    put(database_url, tmp_path / "challenge.backup")
    before = everything(database_url)
    empty(database_url)
    schema.upgrade(database_url)
    said = get(database_url, tmp_path / "challenge.backup")
    assert said.startswith(f"schema {schema.head_revision()}, challenge btc")
    assert everything(database_url) == before


def test_what_is_not_a_challenges_is_never_replaced(database_url: str, tmp_path: Path) -> None:
    fill(database_url, OWN)
    put(database_url, tmp_path / "challenge.backup")
    empty(database_url)
    engine = create_engine(parse_url(database_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE models (mine TEXT)"))
        connection.execute(text("INSERT INTO models VALUES ('kept')"))
    for force in (False, True):
        with pytest.raises(LedgerError, match=r"holds tables of something else \(models\)"):
            get(database_url, tmp_path / "challenge.backup", overwrite=force)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT mine FROM models")).scalar_one() == "kept"
    engine.dispose()


def test_a_file_that_is_no_whole_backup_changes_nothing(database_url: str, tmp_path: Path) -> None:
    fill(database_url, OWN)
    before = everything(database_url)
    put(database_url, tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "text").write_text("hello")
    (tmp_path / "directory").mkdir()
    for share in (0.01, 0.5, 0.9, 0.99):
        (tmp_path / f"truncated-{share}").write_bytes(content[: int(len(content) * share)])
    for path in tmp_path.glob("t*"):
        with pytest.raises(LedgerError):
            get(database_url, path, overwrite=True)
    for name in ("missing", "directory"):
        with pytest.raises(LedgerError, match=f"{name} cannot be read"):
            get(database_url, tmp_path / name, overwrite=True)
    assert everything(database_url) == before


def test_a_backup_of_another_challenge_is_refused(database_url: str, tmp_path: Path) -> None:
    fill(database_url, OWN)
    put(database_url, tmp_path / "challenge.backup")
    told = r"is a backup of challenge 'btc-up-down' with feed .*, not of 'eth'"
    with pytest.raises(LedgerIdentityError, match=told):
        get(database_url, tmp_path / "challenge.backup", Identity("eth", "f"), overwrite=True)


def test_a_database_without_schema_has_no_backup(bare_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerSchemaError, match="nothing to back up"):
        put(bare_database_url, tmp_path / "challenge.backup")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_into_a_missing_directory_is_refused(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"there is no directory .*missing"):
        put(database_url, tmp_path / "missing" / "challenge.backup")


def test_a_backup_of_the_other_dialect_is_refused(
    tmp_path: Path, sqlite_url: str, postgresql_url: str
) -> None:
    put(sqlite_url, tmp_path / "sqlite")
    put(postgresql_url, tmp_path / "postgresql")
    with pytest.raises(LedgerError, match=r"of an SQLite database; .* is a PostgreSQL database"):
        get(postgresql_url, tmp_path / "sqlite")
    with pytest.raises(LedgerError, match=r"of a PostgreSQL database; .* is an SQLite database"):
        get(sqlite_url, tmp_path / "postgresql")


def test_a_program_that_is_missing_is_named_with_what_to_install() -> None:
    with pytest.raises(LedgerError, match=r"pg_nothing is not installed; .*postgresql-client"):
        postgresql_tools.find("pg_nothing")


def test_a_server_that_is_away_is_told_by_the_program_without_a_password(tmp_path: Path) -> None:
    url = "postgresql://me:hunter2@localhost:1/db?sslpassword=hunter2"
    with pytest.raises(LedgerError, match=re.escape("me:***@localhost:1/db")) as told:
        put(url, tmp_path / "challenge.backup")
    assert "hunter2" not in str(told.value)
