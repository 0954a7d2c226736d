"""``coordinator db prune``: what is deleted, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands
from tests.storage.examples import CONFIG, records


@pytest.fixture
def operator(tmp_path: Path, database_url: str) -> Iterator[Commands]:
    """Commands on a database that holds old records, and a round claimed just now."""
    now = datetime.now(UTC)
    ledger = SqlLedger(database_url)
    ledger.identify(starter().challenge.identity)
    ledger.add_feed_records(records(range(9)), publication_delay=0, now=now)
    for age in (timedelta(0), timedelta(days=40)):
        ledger.claim_rounds([CONFIG], now - age, "run-1", now)
    ledger.close()
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": database_url})
    yield commands
    commands.end_all()


def test_what_is_old_is_deleted_and_counted(operator: Commands) -> None:
    options = ("--records-older-than", "30", "--operation-older-than", "30")
    said = operator.succeed("db", "prune", *options)
    assert said == "deleted 9 feed records\ndeleted 1 captures, leases and timings\n"
    assert operator.succeed("db", "prune", *options[:2]) == "deleted 0 feed records\n"


def test_what_boards_still_need_is_not_deleted(coordinator: Commands) -> None:
    for option in ("--records-older-than", "--operation-older-than"):
        said = coordinator.refuse("db", "prune", option, "7")
        assert "7 days are too few: btc-up-down needs 8 days" in said
        for field in ("trailing_windows_hours (604800 s)", "warm_up_seconds (7200 s)", "horizon"):
            assert field in said


def test_pruning_nothing_is_a_mistake(coordinator: Commands) -> None:
    result = coordinator.run("db", "prune")
    assert result.status == 2
    assert "give --records-older-than or --operation-older-than" in result.err
