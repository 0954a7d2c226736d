"""Model events and pauses in the ledger."""

from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.operation import MODEL_EVENT_COLUMNS, PAUSE_COLUMNS
from tests.storage.examples import CONFIG, START, at, frame


def event(minute: float, model: str = "alpha", kind: str = "JOINED", **more: Any) -> dict[str, Any]:
    return {"at": at(minute), "model_id": model, "kind": kind} | more


def events(*rows: dict[str, Any]) -> pd.DataFrame:
    return frame(rows, MODEL_EVENT_COLUMNS)


def pause(minute: float, config: str = CONFIG, **more: Any) -> pd.DataFrame:
    row = {"prediction_config_id": config, "paused_at": at(minute), "reason": "maintenance"}
    return frame([row | more], PAUSE_COLUMNS)


def test_model_events_come_back_in_order(ledger: Ledger) -> None:
    told = [
        event(2, kind="VANISHED", reason="no answer"),
        event(0, "beta", code_hash="c0de"),
        event(0),
        event(5),
    ]
    ledger.add_model_events(events(*told))
    expected = events(told[2], told[1], told[0])
    pd.testing.assert_frame_equal(ledger.model_events(START, at(5)), expected)


def test_an_event_is_told_once(ledger: Ledger) -> None:
    ledger.add_model_events(events(event(0, reason="first")))
    ledger.add_model_events(events(event(0, reason="again"), event(0, kind="LEFT")))
    stored = ledger.model_events(START, at(1))
    assert stored["kind"].tolist() == ["JOINED", "LEFT"]
    assert stored["reason"].tolist() == ["first", None]


def test_the_newest_event_of_each_model(ledger: Ledger) -> None:
    assert ledger.newest_model_events().empty
    told = [event(0, "beta"), event(3, "alpha", "LEFT"), event(1, "alpha"), event(2, "gamma")]
    ledger.add_model_events(events(*told))
    newest = ledger.newest_model_events()
    pd.testing.assert_frame_equal(newest, events(told[1], told[0], told[3]))


def test_a_pause_lasts_until_it_is_resumed(ledger: Ledger) -> None:
    assert ledger.pauses().empty
    ledger.record_pause(pause(0))
    ledger.record_pause(pause(3, "a-config"))
    assert ledger.pauses()["resumed_at"].isna().all()
    ledger.record_pause(pause(0, resumed_at=at(5), reason="another"))
    ledger.record_pause(pause(7))
    pauses = ledger.pauses()
    expected = pd.concat([pause(3, "a-config"), pause(0, resumed_at=at(5)), pause(7)])
    pd.testing.assert_frame_equal(pauses, expected.reset_index(drop=True))
