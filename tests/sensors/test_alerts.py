"""People are told once of what is wrong, and once that it is over, whoever restarts what."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.feed import as_records
from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    MEMBERSHIP_COLUMNS,
    MODEL_SCORE_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    SCORE_COLUMNS,
    Ledger,
)
from coordinator_pipelines.domain.doors.machine import Backups, Room
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_COLUMNS, CHECKPOINT_EVENT_COLUMNS
from coordinator_pipelines.domain.health.concerns import SIGNS
from coordinator_pipelines.domain.health.incidents import silenced
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.resources.notifier import AppriseNotifier
from coordinator_pipelines.sensors.alerts import alerts_sensor
from tests.sensors.conftest import Ticks, at, record_capture
from tests.storage.examples import frame
from tests.support.live import LIVE
from tests.support.machine import Receiver, receiver

CONFIG = "btc-60s"
HOUR = 3600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def got(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Whoever is told."""
    with receiver() as received:
        monkeypatch.setenv("COORDINATOR_ALERTS", received.url)
        yield received


@pytest.fixture
def ticks(ledger: Ledger, instance: dg.DagsterInstance) -> Ticks:
    """The sensor of a challenge that is live from the start on: rounds every 15 seconds."""
    record_capture(ledger, "one", (0, 900))
    return Ticks(
        alerts_sensor,
        ledger,
        instance,
        notifier=AppriseNotifier(checked_challenge(LIVE)),
    )


def told(ticks: Ticks, got: Receiver, seconds: float, name: str) -> list[str]:
    """Titles about one sign that arrive at an instant."""
    ticks.tick(seconds)
    return [title for title in got.titles() if name in title]


# -- what makes each sign red, and well again ------------------------------------------------


def record(ticks: Ticks, seconds: float) -> None:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    facts = {"subject": "BTCUSDT", "ended_at": [pd.Timestamp(at(seconds))], "source": "simulated"}
    ticks.ledger.add_feed_records(
        as_records(pd.DataFrame(facts | prices)), publication_delay=1.0, now=at(seconds)
    )


def rounds(ticks: Ticks, seconds: float, status: str = "", model: str = "m", value: float = 0.0):
    """A round; with a status also the answer of a model; with SUCCESS also its score."""
    asked = grid(ticks.challenge, Window(at(seconds), at(seconds + 1)))
    asked = asked.assign(mode="live", status="ASKED", run_id="one")
    asked = asked.reindex(columns=list(ROUND_COLUMNS))
    asked["input_ended_at"] = asked["performed_at"]
    cell = {
        "mode": "live", "prediction_config_id": CONFIG, "performed_at": at(seconds),
        "resolvable_at": at(seconds + 60), "model_id": model, "version": 1, "status": status,
    }  # fmt: skip
    about = {"id": f"{model}{seconds}", "scope_key": CONFIG, "answer_hash": "x"}
    answers = frame([cell | about] if status else [], PREDICTION_COLUMNS)
    ticks.ledger.add_prediction_batch(asked, answers)
    if status == "SUCCESS":
        scored = {"value": value, "success": True, "rule": "scorer", "truth_version": 1}
        ticks.ledger.add_scores(frame([cell | scored], SCORE_COLUMNS))


def joined(ticks: Ticks, *models: str) -> None:
    rows = [
        {"mode": "live", "model_id": model, "joined_at": at(0), "name": model, "owner": "o",
         "owner_id": "o", "code_hash": "c"}
        for model in models
    ]  # fmt: skip
    ticks.ledger.record_memberships(frame(rows, MEMBERSHIP_COLUMNS))


def board(ticks: Ticks, seconds: float) -> None:
    row = {"mode": "live", "as_of": at(seconds), "model_id": "m", "version": 1,
           "metrics_json": "{}", "payload_json": "{}", "content_hash": "x"}  # fmt: skip
    joined(ticks, "m")
    ticks.ledger.add_model_scores(frame([row], MODEL_SCORE_COLUMNS))


def feed_stops(ticks: Ticks) -> Callable[[float], None]:
    return lambda seconds: record(ticks, seconds)


def rounds_stop(ticks: Ticks) -> Callable[[float], None]:
    return lambda seconds: rounds(ticks, (seconds // 15) * 15)


def outcomes_stop(ticks: Ticks) -> Callable[[float], None]:
    joined(ticks, "m")
    rounds(ticks, 0, "FAILED")

    def follow(seconds: float) -> None:
        del seconds
        truth = {
            "prediction_config_id": CONFIG, "performed_at": at(0), "resolvable_at": at(60),
            "version": 1, "state": "VOID",
        }  # fmt: skip
        ticks.ledger.add_ground_truths(frame([truth], GROUND_TRUTH_COLUMNS))

    return follow


def boards_stop(ticks: Ticks) -> Callable[[float], None]:
    return lambda seconds: board(ticks, seconds)


def a_model_fails(ticks: Ticks) -> Callable[[float], None]:
    joined(ticks, "m")
    for k in range(12):
        rounds(ticks, HOUR - 15 * k, "TIMEOUT")
    return lambda seconds: rounds(ticks, (seconds // 15) * 15, "SUCCESS")


def scores_are_equal(ticks: Ticks) -> Callable[[float], None]:
    joined(ticks, "a", "b")
    for model in ("a", "b"):
        for k in range(12):
            rounds(ticks, HOUR - 75 - 15 * k, "SUCCESS", model, 0.25)
    return lambda seconds: rounds(ticks, (seconds // 15) * 15 - 60, "SUCCESS", "a", 0.5)


def a_payout_is_wrong(ticks: Ticks) -> Callable[[float], None]:
    meta = {"boards": [], "treasury": None, "withheld": 10**9, "findings": [],
            "compute_providers": [], "data_providers": []}  # fmt: skip
    row = {
        "mode": "live", "period_end": at(HOUR), "version": 1, "id": "ckp-1",
        "period_start": at(0), "as_of": at(HOUR), "content_hash": "x",
        "entries_json": "[]", "meta_json": json.dumps(meta),
    }  # fmt: skip
    ticks.ledger.add_checkpoint(frame([row], CHECKPOINT_COLUMNS))

    def submitted(seconds: float) -> None:
        step = {"checkpoint_id": "ckp-1", "sequence": 1, "at": at(seconds), "kind": "SUBMITTED",
                "actor": "ann", "reference": "0x1"}  # fmt: skip
        ticks.ledger.add_checkpoint_event(frame([step], CHECKPOINT_EVENT_COLUMNS))

    return submitted


def the_disk_fills(ticks: Ticks) -> Callable[[float], None]:
    ample = ticks.machine.room
    ticks.machine.room = Room("/data", 10**8, ample.total)

    def cleared(seconds: float) -> None:
        del seconds
        ticks.machine.room = ample

    return cleared


def backups_stop(ticks: Ticks) -> Callable[[float], None]:
    day = timedelta(days=1)
    ticks.machine.kept = Backups("/backups", day, at(0) - day)

    def made(seconds: float) -> None:
        ticks.machine.kept = Backups("/backups", day, at(seconds))

    return made


CASES = {
    "feed_is_alive": feed_stops,
    "rounds_are_captured": rounds_stop,
    "outcomes_follow": outcomes_stop,
    "board_is_current": boards_stop,
    "models_answer": a_model_fails,
    "scores_differ": scores_are_equal,
    "payout_is_clear": a_payout_is_wrong,
    "storage_has_room": the_disk_fills,
    "backup_is_recent": backups_stop,
}


@pytest.mark.parametrize("name", CASES)
def test_each_sign_is_told_when_it_turns_red_and_when_it_is_over(
    ticks: Ticks, got: Receiver, name: str
) -> None:
    assert set(CASES) == set(SIGNS)
    mend = CASES[name](ticks)
    first = told(ticks, got, HOUR, name)
    assert len(first) == 1
    assert first[0].startswith(f"live: {name}")
    assert told(ticks, got, HOUR + 15, name) == []
    mend(HOUR + 30)
    assert told(ticks, got, HOUR + 31, name) == []  # it may come back at once
    for seconds in (75, 90):
        mend(HOUR + seconds)
    over = told(ticks, got, HOUR + 92, name)
    assert len(over) == 1
    assert over[0].endswith("is well again")
    assert told(ticks, got, HOUR + 93, name) == []


# -- once, whatever happens ------------------------------------------------------------------


def test_a_daemon_that_was_restarted_does_not_tell_it_twice(ticks: Ticks, got: Receiver) -> None:
    the_disk_fills(ticks)
    assert len(told(ticks, got, HOUR, "storage_has_room")) == 1
    ticks.cursor = None
    ticks.make = alerts_sensor
    assert told(ticks, got, HOUR + 30, "storage_has_room") == []


def test_what_could_not_be_told_is_told_later(ticks: Ticks, got: Receiver) -> None:
    the_disk_fills(ticks)
    got.status = 503
    assert told(ticks, got, HOUR, "storage_has_room") == []
    assert "it is tried again" in ticks.skipped
    assert "sekret" not in ticks.skipped
    got.status = 200
    assert len(told(ticks, got, HOUR + 30, "storage_has_room")) == 1


def test_what_is_acknowledged_is_told_no_more_until_it_comes_back(
    ticks: Ticks, got: Receiver
) -> None:
    mend = the_disk_fills(ticks)
    told(ticks, got, HOUR, "storage_has_room")
    known = ticks.ledger.incidents(EPOCH)
    rows = silenced(known, "storage_has_room", None, "ann", "ordered a disk", at(HOUR + 1))
    ticks.ledger.silence_incidents(rows)
    mend(HOUR + 2)
    assert told(ticks, got, HOUR + 100, "storage_has_room") == []
    the_disk_fills(ticks)
    assert len(told(ticks, got, HOUR + 200, "storage_has_room")) == 1


def test_an_acknowledgement_is_not_undone_by_a_sensor_that_looks_meanwhile(ticks: Ticks) -> None:
    the_disk_fills(ticks)
    ticks.tick(HOUR)
    known = ticks.ledger.incidents(EPOCH)
    ticks.ledger.silence_incidents(
        silenced(known, "storage_has_room", None, "ann", None, at(HOUR + 1))
    )
    ticks.ledger.follow_incidents(known)
    assert set(ticks.ledger.incidents(EPOCH).set_index("name")["silenced_by"].dropna()) == {"ann"}


def test_models_that_fail_are_told_of_one_by_one(ticks: Ticks, got: Receiver) -> None:
    joined(ticks, "a", "b")
    for k in range(12):
        rounds(ticks, HOUR - 15 * k, "FAILED", "a")
    assert told(ticks, got, HOUR, "models_answer") == ["live: models_answer (a)"]
    for k in range(12):
        rounds(ticks, HOUR - 15 * k, "FAILED", "b")
    assert told(ticks, got, HOUR + 1, "models_answer") == ["live: models_answer (b)"]


def test_nobody_is_told_where_nobody_is_named(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COORDINATOR_ALERTS", raising=False)
    the_disk_fills(ticks)
    ticks.tick(HOUR)
    assert "nobody is told: COORDINATOR_ALERTS is not set" in ticks.skipped
    assert "storage_has_room" in set(ticks.ledger.incidents(EPOCH)["name"])


@pytest.mark.parametrize("url", ["json://sekret@127.0.0.1:1/sekret", "nothing://sekret", "sekret"])
def test_no_address_is_in_logs_or_errors(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    monkeypatch.setenv("COORDINATOR_ALERTS", url)
    the_disk_fills(ticks)
    with caplog.at_level(logging.DEBUG):
        ticks.tick(HOUR)
    assert "COORDINATOR_ALERTS: URL 1" in ticks.skipped
    assert "sekret" not in ticks.skipped + caplog.text
