"""What a terminal is told of a live challenge: each thing once."""

from datetime import timedelta

import pytest

from coordinator_pipelines.cli.challenge.database import await_ledger
from coordinator_pipelines.cli.views.happenings import Happenings
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.support.live import LIVE
from tests.support.pipeline import open_ledger
from tests.support.unsteady import UnsteadyLedger


def test_a_database_that_is_away_is_told_once_per_absence(sqlite_url: str) -> None:
    challenge, away = checked_challenge(LIVE), True
    with open_ledger(sqlite_url, challenge):
        ledger = UnsteadyLedger(sqlite_url, statistics_bucket=timedelta(minutes=15))
    ledger.line.away = lambda: away
    happenings = Happenings(challenge, lambda: ledger)
    [line] = happenings.news()
    assert "the line is cut" in line
    assert happenings.news() == []
    away = False
    assert happenings.news() == []
    away = True
    assert happenings.news() == [line]
    ledger.close()


def test_a_database_that_is_away_when_watching_begins_is_waited_for(sqlite_url: str) -> None:
    challenge, away = checked_challenge(LIVE), True
    opened: list[SqlLedger] = []

    def opening() -> SqlLedger:
        if away:
            raise LedgerUnavailableError("the server is starting up")
        opened.append(SqlLedger(sqlite_url, statistics_bucket=timedelta(minutes=15)))
        return opened[0]

    with open_ledger(sqlite_url, challenge):
        happenings = Happenings(challenge, opening)
    assert happenings.news() == ["[yellow]the server is starting up[/]"]
    assert happenings.news() == []
    away = False
    assert happenings.news() == happenings.news() == []
    [ledger] = opened
    ledger.close()


def test_a_server_waits_for_a_database_that_does_not_answer(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = checked_challenge(LIVE)
    told: list[str] = []

    def sleep(seconds: float) -> None:
        del seconds
        monkeypatch.setenv("COORDINATOR_DATABASE_URL", postgresql_url)

    with open_ledger(postgresql_url, challenge):
        monkeypatch.setenv("COORDINATOR_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/away")
        await_ledger(challenge, told.append, sleep).close()
    [line] = told
    assert "127.0.0.1:1/away" in line
    assert "secret" not in line
