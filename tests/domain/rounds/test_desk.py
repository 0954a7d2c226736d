"""What an operator may open and post, and when."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.rounds import pause
from coordinator_pipelines.domain.rounds.desk import RoundDesk
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import RoundError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.specs import COMPLETE, changed
from tests.support.tournament import CONFIG, NOON, TOURNAMENT, feature_table, truth_frame

CUP = checked_challenge(TOURNAMENT)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OTHER = feature_table(size=[1.0, 1.0, 1.0, 1.0])


@pytest.fixture
def ledger(database_url: str) -> Iterator[SqlLedger]:
    ledger = SqlLedger(database_url)
    yield ledger
    ledger.close()


def desk(ledger: SqlLedger, now: datetime = NOON, challenge: Challenge = CUP) -> RoundDesk:
    return RoundDesk(challenge, ledger, now)


def test_a_round_opens_at_the_next_whole_second(ledger: SqlLedger) -> None:
    opened = desk(ledger, NOON + timedelta(milliseconds=1)).open(CONFIG, feature_table())
    assert opened.performed_at == NOON + timedelta(seconds=1)
    assert opened.closes_at - opened.performed_at == HOUR
    assert opened.resolvable_at - opened.performed_at == DAY


def test_the_same_table_is_the_same_round_until_that_closes(ledger: SqlLedger) -> None:
    first = desk(ledger).open(CONFIG, feature_table())
    again = desk(ledger, NOON + timedelta(minutes=59)).open(CONFIG, feature_table())
    assert (again.performed_at, again.is_new) == (first.performed_at, False)
    later = desk(ledger, NOON + HOUR).open(CONFIG, feature_table())
    assert (later.performed_at, later.is_new) == (NOON + HOUR, True)


def test_an_opened_round_does_not_change(ledger: SqlLedger) -> None:
    desk(ledger).open(CONFIG, feature_table(), performed_at=NOON)
    assert not desk(ledger, NOON + DAY).open(CONFIG, feature_table(), performed_at=NOON).is_new
    with pytest.raises(RoundError, match="with another table is open at 2026-03-01T12:00:00Z"):
        desk(ledger).open(CONFIG, OTHER, performed_at=NOON)
    with pytest.raises(RoundError, match="is open until 2026-03-01T13:00:00Z, not 2026"):
        desk(ledger).open(CONFIG, feature_table(), closes_at=NOON + 2 * HOUR)


@pytest.mark.parametrize(
    ("instants", "reason"),
    [
        ({"performed_at": NOON - HOUR}, "2026-03-01T11:00:00Z is past"),
        ({"performed_at": NOON + timedelta(milliseconds=1)}, "is not on a whole second"),
        ({"closes_at": NOON + timedelta(seconds=1)}, "models need until"),
        ({"closes_at": NOON + DAY + HOUR}, "the truth can be known from 2026-03-02T12:00:00Z on"),
    ],
)
def test_instants_that_make_no_sense_are_refused(ledger: SqlLedger, instants, reason) -> None:
    with pytest.raises(RoundError, match=reason):
        desk(ledger).open(CONFIG, feature_table(), **instants)
    assert ledger.opened_rounds(NOON - DAY, NOON + 2 * DAY).empty


def test_rounds_lie_within_the_challenge(ledger: SqlLedger) -> None:
    over = checked_challenge(changed({"end": "2026-03-02T00:00:00Z"}, TOURNAMENT))
    with pytest.raises(RoundError, match="is not within the challenge: 2026-03-01T00:00:00Z until"):
        desk(ledger, NOON + DAY, over).open(CONFIG, feature_table())
    with pytest.raises(RoundError, match="is not within the challenge"):
        desk(ledger, NOON - DAY).open(CONFIG, feature_table())


def test_a_round_that_nobody_would_ask_is_not_opened(ledger: SqlLedger) -> None:
    pause.pause(CUP, ledger, CONFIG, None, NOON - HOUR)
    with pytest.raises(RoundError, match="is paused, so nobody would ask its round; resume it"):
        desk(ledger).open(CONFIG, feature_table())
    with pytest.raises(RoundError, match="no active prediction config 'x'; it has: returns-1d"):
        desk(ledger).open("x", feature_table())
    with pytest.raises(RoundError, match="follow its schedule"):
        desk(ledger, challenge=checked_challenge(COMPLETE)).open("btc-1m", feature_table())


def test_the_only_round_that_waits_is_resolved_by_default(ledger: SqlLedger) -> None:
    desk(ledger).open(CONFIG, feature_table())
    desk(ledger, NOON + HOUR).open(CONFIG, OTHER)
    with pytest.raises(RoundError, match="no round of returns-1d waits for its truth"):
        desk(ledger, NOON + DAY - HOUR).post_truth(CONFIG, truth_frame())
    posted = desk(ledger, NOON + DAY).post_truth(CONFIG, truth_frame())
    assert (posted.performed_at, posted.version, posted.is_new) == (NOON, 1, True)
    posted = desk(ledger, NOON + 2 * DAY).post_truth(CONFIG, truth_frame())
    assert posted.performed_at == NOON + HOUR


def test_of_several_that_wait_one_must_be_named(ledger: SqlLedger) -> None:
    desk(ledger).open(CONFIG, feature_table())
    desk(ledger).open(CONFIG, OTHER, performed_at=NOON + HOUR)
    named = r"2 rounds wait for their truths \(2026-03-01T12:00:00Z, 2026-03-01T13:00:00Z\)"
    with pytest.raises(RoundError, match=named):
        desk(ledger, NOON + 2 * DAY).post_truth(CONFIG, truth_frame())
    with pytest.raises(RoundError, match="no round of returns-1d was opened at 2026-03-01T14"):
        desk(ledger, NOON + 2 * DAY).post_truth(CONFIG, truth_frame(), performed_at=NOON + 2 * HOUR)


def test_truths_are_added_and_never_changed(ledger: SqlLedger) -> None:
    desk(ledger).open(CONFIG, feature_table())
    corrected = truth_frame({"a": 1.0, "b": 2.0, "c": 1e20, "d": 1e-9})
    for truth, version, is_new in (
        (truth_frame(), 1, True),
        (truth_frame()[::-1], 1, False),
        (corrected, 2, True),
        (truth_frame(), 3, True),
    ):
        posted = desk(ledger, NOON + DAY).post_truth(CONFIG, truth, performed_at=NOON)
        assert (posted.version, posted.is_new) == (version, is_new)
    newest = ledger.posted_truths(NOON, NOON + HOUR)
    assert newest["version"].tolist() == [3]
    assert newest["posted_at"].tolist() == [pd.Timestamp(NOON + DAY)]
