"""``coordinator db backup`` and ``restore``, as an operator runs them, on both dialects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands, wait_for
from tests.storage.contents import empty, everything, fill
from tests.storage.examples import HOUR, START, predictions, rounds
from tests.storage.writer import BATCH_ROWS
from tests.support import fork_server

ROOT = Path(__file__).parents[2]
EVER = 10_000 * HOUR


@pytest.fixture
def operator(tmp_path: Path, database_url: str) -> Iterator[Commands]:
    """Commands on a database that holds a challenge."""
    fill(database_url, starter().challenge.identity)
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": database_url})
    yield commands
    commands.end_all()


def test_a_restored_database_equals_the_one_that_was_backed_up(
    operator: Commands, database_url: str, tmp_path: Path
) -> None:
    before = everything(database_url)
    assert all(before[name] for name in ("predictions", "scores", "leaderboards", "open_rounds"))
    operator.succeed("db", "backup", "challenge.backup")
    assert [path.name for path in tmp_path.glob("*backup*")] == ["challenge.backup"]
    empty(database_url)
    said = operator.succeed("db", "restore", "challenge.backup")
    assert "challenge btc-up-down, feed simulated" in said
    assert f"schema {schema.head_revision()}" in said
    assert "10 rounds, 20 predictions" in said
    assert everything(database_url) == before
    ledger = SqlLedger(database_url)
    assert ledger.add_prediction_batch(rounds([7]), predictions([7])).added == 2
    ledger.close()


def test_a_backup_while_a_run_writes_holds_whole_batches(
    operator: Commands, database_url: str
) -> None:
    ledger = SqlLedger(database_url)
    with fork_server.start("tests.storage.writer", database_url, "crash", directory=ROOT) as writer:
        window = (Mode.REPLAY, START, START + EVER)
        wait_for(lambda: len(ledger.rounds(*window)) > BATCH_ROWS, why="nothing is written")
        operator.succeed("db", "backup", "challenge.backup")
        assert writer.poll() is None, "the writer ended before the backup did"
        writer.kill()
    operator.succeed("db", "restore", "--force", "challenge.backup")
    asked = ledger.rounds(*window)
    stored = ledger.predictions(*window, outputs=False)
    assert len(asked) > BATCH_ROWS / 2
    assert len(stored) == 2 * len(asked)
    assert len(stored) % BATCH_ROWS == 0
    ledger.close()


def test_a_password_is_shown_neither_to_others_nor_in_errors(
    tmp_path: Path, postgresql_url: str
) -> None:
    """The program that dumps is one of ours, which writes down how it was called."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pg_dump").write_text(
        "#!/bin/sh\n"
        f'echo "$@" > {tmp_path}/arguments\n'
        f'echo "$PGPASSWORD" > {tmp_path}/password\n'
        "echo 'it failed' >&2; exit 1\n"
    )
    (programs / "pg_dump").chmod(0o755)
    url = postgresql_url.replace("coordinator@", "coordinator:hunter2@")
    extra = {"COORDINATOR_DATABASE_URL": url, "PATH": f"{programs}:/bin"}
    said = Commands(tmp_path, extra=extra).refuse("db", "backup", "challenge.backup")
    assert "pg_dump failed on postgresql://coordinator:***@/" in said
    assert said.strip().endswith("it failed")
    assert (tmp_path / "password").read_text() == "hunter2\n"
    assert "hunter2" not in (tmp_path / "arguments").read_text() + said
