"""Live memberships: what joins, losses and returns make of them, and across captures."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import EventKind, Member, MembershipEvent
from coordinator_pipelines.domain.membership.membership import NOT_FOUND, Memberships
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from tests.support.live import LIVE, LIVE_START, member
from tests.support.unsteady import UnsteadyLedger

GRACE = timedelta(seconds=120)
CHALLENGE = checked_challenge(LIVE)
ALPHA, BETA = member("alpha"), member("beta")


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


def event(
    seconds: float, kind: EventKind, who: Member = ALPHA, reason: str | None = None
) -> MembershipEvent:
    return MembershipEvent(kind, who, at(seconds), reason)


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[UnsteadyLedger]:
    """An empty ledger whose line can be cut."""
    ledger = UnsteadyLedger(sqlite_url)
    yield ledger
    ledger.close()


@pytest.fixture
def memberships(ledger: UnsteadyLedger) -> Memberships:
    """Those of a first capture, which has found nobody yet."""
    return begun(ledger, 0)


def begun(ledger: UnsteadyLedger, seconds: float, *connected: Member) -> Memberships:
    """Those of a capture that takes over."""
    taken_over = Memberships(CHALLENGE, ledger)
    taken_over.begin(connected, [], at(seconds))
    return taken_over


def apply(memberships: Memberships, *events: MembershipEvent, now: float | None = None) -> None:
    """Take note of events as soon as they happen."""
    for each in events:
        memberships.apply([each], each.at)
    if now is not None:
        memberships.apply([], at(now))


def stays(ledger: UnsteadyLedger) -> list[tuple[str, datetime, datetime | None, str]]:
    """(model, joined, left, deployment) of all live memberships."""
    frame = ledger.memberships(Mode.LIVE).astype(object)
    frame = frame.where(frame.notna(), None)
    rows = frame[["model_id", "joined_at", "left_at", "code_hash"]].itertuples(
        index=False, name=None
    )
    return list(rows)


def kinds(ledger: UnsteadyLedger, model_id: str = "alpha") -> list[str]:
    """What happened to a model, in order."""
    events = ledger.model_events(at(-86400), at(86400))
    kinds: list[str] = events.loc[events["model_id"] == model_id, "kind"].tolist()
    return kinds


def ids(memberships: Memberships) -> list[str]:
    return [each.model_id for each in memberships.members()]


def test_an_account_that_was_not_known_is_kept_once_its_model_joins_again(ledger):
    memberships = begun(ledger, 0)
    apply(memberships, event(0, EventKind.JOINED, replace(ALPHA, owner_id="alice")))
    begun(ledger, 60).begin([ALPHA], [event(60, EventKind.JOINED)], at(60))
    [row] = ledger.memberships(Mode.LIVE).to_dict("records")
    assert (row["joined_at"], row["owner"], row["owner_id"]) == (at(0), "alice", "c-alice")


def test_a_model_that_joins_is_a_member_from_then_on(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED))
    assert memberships.members() == [ALPHA]
    assert stays(ledger) == [("alpha", at(1), None, "alpha-1")]
    assert kinds(ledger) == ["JOINED"]
    pd.testing.assert_frame_equal(memberships.frame(), ledger.memberships(Mode.LIVE))


def test_a_new_deployment_goes_on_in_the_same_membership(memberships, ledger):
    again = member("alpha", "2")
    apply(memberships, event(1, EventKind.JOINED), event(9, EventKind.JOINED, again))
    assert memberships.members() == [again]
    assert stays(ledger) == [("alpha", at(1), None, "alpha-2")]
    assert kinds(ledger) == ["JOINED", "JOINED"]


def test_a_model_that_says_goodbye_has_left_at_once(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(9, EventKind.LEFT))
    assert ids(memberships) == []
    assert stays(ledger) == [("alpha", at(1), at(9), "alpha-1")]
    assert memberships.frame().empty


def test_one_that_left_and_comes_again_has_a_second_membership(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.LEFT),
        event(20, EventKind.JOINED),
    )
    assert stays(ledger) == [
        ("alpha", at(1), at(9), "alpha-1"),
        ("alpha", at(20), None, "alpha-1"),
    ]


@pytest.mark.parametrize("loss", [EventKind.VANISHED, EventKind.FAILED])
def test_one_that_is_lost_stays_expected_through_the_grace_and_not_longer(
    memberships, ledger, loss
):
    apply(memberships, event(1, EventKind.JOINED), event(9, loss), now=128.9)
    assert ids(memberships) == ["alpha"]
    memberships.apply([], at(129))
    assert ids(memberships) == []
    assert stays(ledger) == [("alpha", at(1), at(9) + GRACE, "alpha-1")]


def test_one_that_is_back_within_the_grace_never_left(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.VANISHED),
        event(128, EventKind.JOINED),
        now=1000,
    )
    assert stays(ledger) == [("alpha", at(1), None, "alpha-1")]
    assert kinds(ledger) == ["JOINED", "VANISHED", "JOINED"]


def test_one_that_vanishes_again_and_again_has_a_whole_grace_each_time(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.VANISHED),
        event(100, EventKind.JOINED),
        event(101, EventKind.VANISHED),
        now=220,
    )
    assert ids(memberships) == ["alpha"]
    memberships.apply([], at(221))
    assert stays(ledger) == [("alpha", at(1), at(221), "alpha-1")]


def test_one_that_is_back_too_late_has_left_at_the_end_of_the_grace(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.VANISHED),
        now=300,
    )
    apply(memberships, event(301, EventKind.JOINED))
    assert stays(ledger) == [
        ("alpha", at(1), at(129), "alpha-1"),
        ("alpha", at(301), None, "alpha-1"),
    ]


def test_one_that_is_back_late_has_left_even_if_nobody_looked_meanwhile(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(9, EventKind.VANISHED))
    memberships.apply([event(301, EventKind.JOINED)], at(302))
    assert stays(ledger) == [
        ("alpha", at(1), at(129), "alpha-1"),
        ("alpha", at(301), None, "alpha-1"),
    ]


def test_a_lost_one_that_says_goodbye_has_left_then(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.VANISHED),
        event(20, EventKind.LEFT),
        now=1000,
    )
    assert stays(ledger) == [("alpha", at(1), at(20), "alpha-1")]


def test_one_that_vanished_and_is_given_up_has_its_grace_from_then_on(memberships, ledger):
    apply(
        memberships,
        event(1, EventKind.JOINED),
        event(9, EventKind.VANISHED),
        event(100, EventKind.FAILED, reason="never set up"),
        event(150, EventKind.FAILED, reason="never set up"),
        event(160, EventKind.VANISHED),
    )
    assert kinds(ledger) == ["JOINED", "VANISHED", "FAILED"]
    after = begun(ledger, 170)
    for each in (memberships, after):
        each.apply([], at(219))
        assert ids(each) == ["alpha"]
        each.apply([], at(220))
        assert stays(ledger) == [("alpha", at(1), at(220), "alpha-1")]


def test_one_that_never_joined_is_no_member_but_its_failure_shows(memberships, ledger):
    apply(memberships, event(1, EventKind.FAILED, reason="ImportError"))
    assert ids(memberships) == []
    assert stays(ledger) == []
    assert kinds(ledger) == ["FAILED"]


def test_what_is_told_twice_is_noted_once(memberships, ledger):
    for kind in (EventKind.JOINED, EventKind.VANISHED):
        apply(memberships, event(1, kind), event(2, kind))
    apply(memberships, event(3, EventKind.LEFT), event(4, EventKind.LEFT))
    assert kinds(ledger) == ["JOINED", "VANISHED", "LEFT"]


def test_a_hand_over_adds_nothing(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(2, EventKind.JOINED, BETA))
    before, events = stays(ledger), ledger.model_events(at(0), at(999))
    after = begun(ledger, 60, ALPHA, BETA)
    after.apply([event(45, EventKind.JOINED), event(45, EventKind.JOINED, BETA)], at(60))
    memberships.apply([], at(61))
    assert stays(ledger) == before
    pd.testing.assert_frame_equal(ledger.model_events(at(0), at(999)), events)
    assert after.members() == memberships.members()


def test_two_captures_that_hear_the_same_write_it_once(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED))
    other = begun(ledger, 60, ALPHA)
    for hears, delay in ((memberships, 0.0), (other, 0.01)):
        apply(hears, event(70 + delay, EventKind.VANISHED))
    for hears in (memberships, other):
        hears.apply([], at(500))
    assert [stay[:2] for stay in stays(ledger)] == [("alpha", at(1))]


def test_a_capture_after_a_crash_misses_who_is_not_there(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(1.5, EventKind.JOINED, BETA))
    after = begun(ledger, 50, BETA)
    assert ids(after) == ["alpha", "beta"]
    newest = ledger.newest_model_events().set_index("model_id")
    assert newest.loc["alpha", ["kind", "reason"]].tolist() == ["VANISHED", NOT_FOUND]
    after.apply([], at(50) + GRACE)
    assert stays(ledger)[0] == ("alpha", at(1), at(50) + GRACE, "alpha-1")


def test_a_grace_goes_on_across_a_crash(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(9, EventKind.VANISHED))
    after = begun(ledger, 60)
    assert ids(after) == ["alpha"]
    after.apply([], at(129))
    assert stays(ledger) == [("alpha", at(1), at(129), "alpha-1")]


def test_a_loss_that_nobody_could_watch_is_over_when_the_next_capture_begins(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(9, EventKind.VANISHED))
    after = begun(ledger, 600, ALPHA)
    after.apply([event(595, EventKind.JOINED)], at(600))
    assert stays(ledger) == [
        ("alpha", at(1), at(129), "alpha-1"),
        ("alpha", at(595), None, "alpha-1"),
    ]


def test_what_a_capture_heard_before_it_took_over_is_not_overruled(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED))
    after = Memberships(CHALLENGE, ledger)
    after.begin([], [event(55, EventKind.LEFT, reason="stopped")], at(60))
    assert stays(ledger) == [("alpha", at(1), at(55), "alpha-1")]
    assert kinds(ledger) == ["JOINED", "LEFT"]


def test_what_the_earlier_capture_heard_later_stands(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED), event(57, EventKind.LEFT))
    after = Memberships(CHALLENGE, ledger)
    after.begin([], [event(55, EventKind.JOINED), event(57.01, EventKind.LEFT)], at(60))
    assert stays(ledger) == [("alpha", at(1), at(57), "alpha-1")]
    assert kinds(ledger) == ["JOINED", "LEFT"]


def test_what_could_not_be_written_is_written_later(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED))
    ledger.line.away = lambda: True
    with pytest.raises(LedgerUnavailableError):
        memberships.apply([event(5, EventKind.JOINED, BETA)], at(5))
    with pytest.raises(LedgerUnavailableError):
        memberships.apply([event(9, EventKind.LEFT)], at(9))
    ledger.line.away = lambda: False
    memberships.apply([], at(20))
    assert stays(ledger) == [
        ("alpha", at(1), at(9), "alpha-1"),
        ("beta", at(5), None, "beta-1"),
    ]
    assert kinds(ledger) == ["JOINED", "LEFT"]
    assert kinds(ledger, "beta") == ["JOINED"]


def test_a_take_over_that_failed_is_done_again_with_all_that_was_heard(memberships, ledger):
    apply(memberships, event(1, EventKind.JOINED))
    after = Memberships(CHALLENGE, ledger)
    for line in ("away", "lost_after_commit"):
        setattr(ledger.line, line, lambda: True)
        with pytest.raises(LedgerUnavailableError):
            after.begin([BETA], [event(55, EventKind.JOINED, BETA)], at(60))
        setattr(ledger.line, line, lambda: False)
    after.begin([BETA], [event(65, EventKind.FAILED)], at(70))
    assert stays(ledger) == [("alpha", at(1), None, "alpha-1"), ("beta", at(55), None, "beta-1")]
    assert kinds(ledger) == ["JOINED", "FAILED"]
    assert kinds(ledger, "beta") == ["JOINED"]
    assert ids(after) == ["alpha", "beta"]


def test_what_may_have_been_written_is_written_again(memberships, ledger):
    ledger.line.lost_after_commit = lambda: True
    with pytest.raises(LedgerUnavailableError):
        memberships.apply([event(1, EventKind.JOINED)], at(1))
    ledger.line.lost_after_commit = lambda: False
    memberships.apply([], at(20))
    assert stays(ledger) == [("alpha", at(1), None, "alpha-1")]
    assert kinds(ledger) == ["JOINED"]


def test_a_membership_never_ends_before_it_began(memberships, ledger):
    apply(memberships, event(5, EventKind.JOINED))
    memberships.apply([event(4, EventKind.LEFT)], at(6))
    assert stays(ledger) == [("alpha", at(5), at(5), "alpha-1")]
