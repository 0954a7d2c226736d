"""A stalled challenge is red, and green again; nothing is said twice."""

from datetime import datetime

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.feed import as_records
from coordinator_pipelines.domain.doors.ledger import ROUND_COLUMNS, Ledger, Mode
from coordinator_pipelines.domain.doors.operation import PAUSE_COLUMNS
from coordinator_pipelines.domain.health.concerns import SIGNS
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.sensors.vital_signs import vital_signs_sensor
from tests.sensors.conftest import Ticks, at, record_capture

FEED, ROUNDS, OUTCOMES, BOARD = (
    "feed_is_alive", "rounds_are_captured", "outcomes_follow", "board_is_current",
)  # fmt: skip
ALL = set(SIGNS)


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    """The sensor of a challenge that is live from the start on: rounds every 15 seconds."""
    record_capture(ledger, "one", (0, 900))
    return Ticks(vital_signs_sensor, ledger, instance)


def told(ticks: Ticks, seconds: float) -> dict[str, str | None]:
    """Check -> what is wrong (None: nothing), as told at an instant."""
    result = ticks.tick(seconds)
    events = result.asset_events if result else []
    verdicts: dict[str, str | None] = {}
    for event in events:
        assert isinstance(event, dg.AssetCheckEvaluation)
        assert event.passed == (event.description is None)
        verdicts[event.check_name] = event.description
    return verdicts


def add_record(ticks: Ticks, seconds: float) -> None:
    """A record that ended then."""
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    facts = {"subject": "BTCUSDT", "ended_at": [pd.Timestamp(at(seconds))], "source": "simulated"}
    frame = as_records(pd.DataFrame(facts | prices))
    ticks.ledger.add_feed_records(frame, publication_delay=1.0, now=at(seconds + 1))


def add_round(ticks: Ticks, seconds: float) -> None:
    """A round that nobody was asked in."""
    rounds = grid(ticks.challenge, Window(at(seconds), at(seconds + 1)))
    rounds = rounds.assign(mode=Mode.LIVE.value, status="ASKED", run_id="one")
    rounds = rounds.reindex(columns=list(ROUND_COLUMNS))
    rounds["input_ended_at"] = rounds["performed_at"]
    ticks.ledger.add_prediction_batch(rounds, pd.DataFrame())


def pause(ticks: Ticks, since: datetime) -> None:
    row = {"prediction_config_id": "btc-60s", "paused_at": since, "resumed_at": None}
    frame = pd.DataFrame([row], columns=list(PAUSE_COLUMNS))
    for name in ("paused_at", "resumed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    ticks.ledger.record_pause(frame)


def live_until(ticks: Ticks, end: int) -> None:
    """Records and rounds of every interval up to an instant."""
    for second in range(0, end + 1, 15):
        add_record(ticks, second)
        add_round(ticks, second)


def test_everything_is_told_once_and_then_only_what_changes(ticks: Ticks) -> None:
    live_until(ticks, 30)
    assert told(ticks, 40) == dict.fromkeys(ALL)
    assert told(ticks, 45) == {}
    assert told(ticks, 55) == {}


def test_the_feed_is_red_after_two_intervals_without_a_record_and_green_again(
    ticks: Ticks,
) -> None:
    live_until(ticks, 60)
    told(ticks, 70)
    for second in (75, 90, 105):
        add_round(ticks, second)
    assert told(ticks, 91) == {}
    assert told(ticks, 92) == {
        FEED: "the newest record of BTCUSDT ended 32 s ago, the limit is 31 s"
    }
    assert told(ticks, 100) == {}
    add_record(ticks, 99)
    assert told(ticks, 107) == {FEED: None}


def test_rounds_are_red_once_two_that_were_due_are_not_there(ticks: Ticks) -> None:
    live_until(ticks, 60)
    told(ticks, 70)
    for second in (75, 90, 105, 120):
        add_record(ticks, second)
    assert told(ticks, 105) == {}
    assert told(ticks, 106) == {
        ROUNDS: "no round was asked since 2026-03-01 12:01:00 UTC, though at least 2 were due"
    }
    add_round(ticks, 120)
    assert told(ticks, 130) == {ROUNDS: None}


def test_outcomes_are_red_when_a_round_waits_for_two_refreshes(ticks: Ticks) -> None:
    live_until(ticks, 300)
    patience = 2 * 60 + 60
    assert told(ticks, 60 + 2 + patience - 1)[OUTCOMES] is None
    late = told(ticks, 60 + 2 + patience)[OUTCOMES]
    assert late == "1 rounds since 2026-03-01 12:00:00 UTC wait for their outcome or scores"


def test_a_new_challenge_has_time_to_show_its_first_board(ticks: Ticks) -> None:
    live_until(ticks, 180)
    assert told(ticks, 180)[BOARD] is None
    assert told(ticks, 181)[BOARD] == "there is no board yet"


def test_a_capture_that_never_captures_is_red(ticks: Ticks) -> None:
    verdicts = told(ticks, 46)
    assert verdicts[ROUNDS] == "no round was asked ever, though at least 2 were due"
    assert verdicts[FEED] == "no record of BTCUSDT"


def test_what_is_paused_alarms_nobody(ticks: Ticks) -> None:
    live_until(ticks, 60)
    told(ticks, 70)
    pause(ticks, at(75))
    assert told(ticks, 120) == {}
    assert not {FEED, ROUNDS} & set(told(ticks, 200))  # boards go on


def test_what_was_never_live_alarms_nobody(
    sqlite_url: str, ledger: Ledger, instance: dg.DagsterInstance
) -> None:
    del sqlite_url
    never = Ticks(vital_signs_sensor, ledger, instance)
    assert told(never, 86400) == dict.fromkeys(ALL)
    assert told(never, 2 * 86400) == {}


def test_a_new_materialization_gets_a_verdict_of_its_own(ticks: Ticks) -> None:
    live_until(ticks, 30)
    told(ticks, 40)
    key = dg.AssetKey(["live", "feed_records"])
    ticks.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="p"))
    result = ticks.tick(41)
    assert result is not None
    events = [e for e in result.asset_events if isinstance(e, dg.AssetCheckEvaluation)]
    assert {event.asset_key for event in events} == {key}
    assert {event.check_name for event in events} == {FEED, "storage_has_room"}
    assert all(event.target_materialization_data is not None for event in events)
    assert told(ticks, 42) == {}


def test_what_a_red_sign_says_is_not_repeated_as_its_numbers_grow(ticks: Ticks) -> None:
    live_until(ticks, 60)
    told(ticks, 70)
    assert set(told(ticks, 300)) == {FEED, ROUNDS, OUTCOMES, BOARD}
    assert all(told(ticks, 300 + 15 * k) == {} for k in range(1, 5))
