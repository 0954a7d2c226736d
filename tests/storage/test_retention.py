"""Deleting what is old, and nothing else."""

from typing import Any

import pytest

from coordinator_pipelines.domain.doors.ledger import Identity, Ledger
from coordinator_pipelines.storage import retention
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.contents import everything, fill
from tests.storage.examples import CONFIG, HOUR, START, at, records
from tests.storage.operation.test_capture import capture, timing

EVER = (START - HOUR, START + 1000 * HOUR)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 7)
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("small_batches")
def test_records_before_an_instant_are_deleted_with_their_versions(ledger: Ledger) -> None:
    for subject, price in (("BTC", 1.0), ("ETH", 1.0), ("BTC", 2.0)):
        given = records(range(50), price=price, subject=subject)
        ledger.add_feed_records(given, publication_delay=0, now=at(60))
    assert ledger.prune_feed_records(at(30)) == 90
    left = ledger.feed_records(["BTC", "ETH"], *EVER, all_versions=True)
    assert len(left) == 60
    assert left["ended_at"].min() == at(30)
    assert ledger.prune_feed_records(at(30)) == 0


@pytest.mark.usefixtures("small_batches")
def test_leases_timings_and_captures_of_the_past_are_deleted(ledger: Ledger) -> None:
    for minute in range(40):
        ledger.claim_rounds([CONFIG, "eth"], at(minute), "run-1", at(minute))
        ledger.add_timings(timing(minute))
    assert ledger.prune_operation(at(25)) == 75
    assert ledger.leases(*EVER)["performed_at"].min() == at(25)
    assert ledger.timings(*EVER)["performed_at"].min() == at(25)


def test_the_first_and_the_newest_capture_stay(ledger: Ledger) -> None:
    def add(minute: int, run_id: str, **changes: Any) -> None:
        ledger.record_capture(capture(minute, run_id, **changes))

    add(0, "first", ended_at=at(15))
    add(15, "ended", ended_at=at(30))
    add(30, "killed")
    add(45, "at work", alive_until=at(61))
    add(40, "newest", started_at=at(46), ended_at=at(47))
    assert ledger.prune_operation(at(60)) == 2
    assert sorted(ledger.captures(*EVER)["run_id"]) == ["at work", "first", "newest"]
    assert ledger.first_captured_at() == START
    assert ledger.prune_operation(at(99)) == 1
    assert sorted(ledger.captures(*EVER)["run_id"]) == ["first", "newest"]


def test_nothing_that_was_published_is_deleted(database_url: str) -> None:
    fill(database_url, Identity("btc-up-down", "simulated"))
    before = everything(database_url)
    ledger = SqlLedger(database_url)
    ledger.prune_operation(EVER[1])
    assert ledger.prune_feed_records(EVER[1]) == 9
    ledger.close()
    assert everything(database_url) == before | {"feed_records": []}
