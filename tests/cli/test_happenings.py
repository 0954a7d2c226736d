"""What a terminal is told of a live challenge: each thing once."""

from datetime import timedelta

from coordinator_pipelines.cli.views.happenings import Happenings
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.support.live import LIVE
from tests.support.pipeline import open_ledger
from tests.support.unsteady import UnsteadyLedger


def test_a_database_that_is_away_is_told_once_per_absence(sqlite_url: str) -> None:
    challenge, away = checked_challenge(LIVE), True
    with open_ledger(sqlite_url, challenge):
        ledger = UnsteadyLedger(sqlite_url, statistics_bucket=timedelta(minutes=15))
    ledger.line.away = lambda: away
    happenings = Happenings(challenge, ledger)
    [line] = happenings.news()
    assert "the line is cut" in line
    assert happenings.news() == []
    away = False
    assert happenings.news() == []
    away = True
    assert happenings.news() == [line]
    ledger.close()
