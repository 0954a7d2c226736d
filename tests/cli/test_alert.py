"""``coordinator alert``: what is listed, taken note of, and tried out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordinator_pipelines.cli.challenge.location import starter
from coordinator_pipelines.domain.health.incidents import followed
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands
from tests.support.machine import receiver


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str) -> Commands:
    """Commands on a challenge with two models that fail."""
    ledger = SqlLedger(sqlite_url)
    ledger.identify(starter().challenge.identity)
    now = datetime.now(UTC)
    alarms = {("models_answer", name): f"{name}: no answer" for name in ("ann", "bob")}
    ledger.follow_incidents(followed(ledger.incidents(now), alarms, now))
    ledger.close()
    return Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": sqlite_url})


@pytest.mark.slow
def test_an_incident_is_listed_and_acknowledged(run: Commands) -> None:
    listed = run.succeed("alert", "list")
    assert "models_answer (ann)" in listed
    assert "lasts" in listed
    said = run.succeed("alert", "ack", "models_answer", "ann", "--by", "eve")
    assert "models_answer (ann) of btc-up-down is acknowledged by eve" in said
    after = run.succeed("alert", "list").splitlines()
    assert [line for line in after if "by eve" in line] == [
        line for line in after if "models_answer (ann)" in line
    ]
    assert "is well" in run.refuse("alert", "ack", "feed_is_alive")


def test_a_trial_arrives_and_says_if_it_does_not(run: Commands) -> None:
    assert "set COORDINATOR_ALERTS" in run.refuse("alert", "test")
    with receiver() as got:
        named = Commands(run.directory, extra={**run.extra, "COORDINATOR_ALERTS": got.url})
        assert named.succeed("alert", "test") == "sent\n"
        assert got.titles() == ["btc-up-down: a test"]
        got.status = 500
        refused = named.refuse("alert", "test")
    assert "COORDINATOR_ALERTS: URL 1 was not reached" in refused
    assert "sekret" not in refused
