"""Captures, leases and timings: what a live capture says of itself, and who may ask a round."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.operation import (
    CAPTURE_COLUMNS,
    LEASE_COLUMNS,
    TIMING_COLUMNS,
)
from coordinator_pipelines.domain.values.errors import LedgerError
from tests.storage.examples import CONFIG, HOUR, START, at, frame
from tests.support import fork_server

ROOT = Path(__file__).parents[3]
MINUTES = 15


def capture(minute: int = 0, run_id: str = "run-1", **changes: Any) -> pd.DataFrame:
    row = {
        "run_id": run_id,
        "span_start": at(minute),
        "span_end": at(minute + MINUTES),
        "started_at": at(minute - 1),
        "alive_until": at(minute + 1),
    }
    return frame([row | changes], CAPTURE_COLUMNS)


def timing(minute: int, **changes: Any) -> pd.DataFrame:
    row = {
        "performed_at": at(minute),
        "run_id": "run-1",
        "models": 3,
        "wake_ms": 0.25,
        "prepare_ms": 10.0,
        "models_ms": 500.0,
        "validate_ms": 2.0,
        "commit_ms": 8.0,
        "total_ms": 520.25,
    }
    return frame([row | changes], TIMING_COLUMNS)


def test_a_capture_comes_back_as_it_was(ledger: Ledger) -> None:
    ledger.record_capture(capture())
    pd.testing.assert_frame_equal(ledger.captures(START, START + HOUR), capture())


def test_a_capture_that_is_recorded_again_is_updated(ledger: Ledger) -> None:
    ledger.record_capture(capture())
    ended = capture(
        span_end=at(9), alive_until=at(10), ended_at=at(9.5), end_reason="handed over",
        started_at=at(5),
    )  # fmt: skip
    ledger.record_capture(ended)
    expected = ended.assign(started_at=capture()["started_at"])
    pd.testing.assert_frame_equal(ledger.captures(START, START + HOUR), expected)


def test_a_sign_of_life_moves_that_capture_on_and_nothing_else(ledger: Ledger) -> None:
    ledger.record_capture(capture(run_id="run-1"))
    ledger.record_capture(capture(MINUTES, run_id="run-2"))
    ledger.keep_alive("run-1", at(7))
    expected = [capture(run_id="run-1", alive_until=at(7)), capture(MINUTES, run_id="run-2")]
    told = ledger.captures(START, START + HOUR)
    pd.testing.assert_frame_equal(told, pd.concat(expected, ignore_index=True))


def test_a_naive_sign_of_life_is_refused(ledger: Ledger) -> None:
    ledger.record_capture(capture())
    with pytest.raises(TypeError, match="naive"):
        ledger.keep_alive("run-1", at(7).replace(tzinfo=None))


def test_captures_are_those_whose_span_touches_the_window(ledger: Ledger) -> None:
    for number in range(4):
        ledger.record_capture(capture(number * MINUTES, f"run-{9 - number}"))
    touching = ledger.captures(at(MINUTES), at(2 * MINUTES + 1))
    assert touching["run_id"].tolist() == ["run-8", "run-7"]
    assert ledger.captures(at(4 * MINUTES), at(5 * MINUTES)).empty


def test_the_newest_capture_is_the_one_that_started_last(ledger: Ledger) -> None:
    assert ledger.newest_capture().empty
    ledger.record_capture(capture(0, "run-9"))
    ledger.record_capture(capture(MINUTES, "run-1"))
    pd.testing.assert_frame_equal(ledger.newest_capture(), capture(MINUTES, "run-1"))


def test_of_captures_that_started_together_one_is_the_newest(ledger: Ledger) -> None:
    ledger.record_capture(capture(run_id="run-1"))
    ledger.record_capture(capture(run_id="run-2"))
    assert ledger.newest_capture()["run_id"].tolist() == ["run-2"]


def test_a_challenge_is_live_since_its_first_span(ledger: Ledger) -> None:
    assert ledger.first_captured_at() is None
    ledger.record_capture(capture(MINUTES, "run-2"))
    ledger.record_capture(capture(0, "run-1"))
    assert ledger.first_captured_at() == START


def test_a_round_belongs_to_the_first_that_claims_it(ledger: Ledger) -> None:
    assert ledger.claim_rounds([CONFIG, "eth"], START, "run-1", at(0)) == [CONFIG, "eth"]
    assert ledger.claim_rounds(["sol", CONFIG], START, "run-2", at(0.1)) == ["sol"]
    assert ledger.claim_rounds([CONFIG], at(1), "run-2", at(1)) == [CONFIG]
    leases = ledger.leases(START, at(1))
    assert tuple(leases.columns) == LEASE_COLUMNS
    assert leases["prediction_config_id"].tolist() == [CONFIG, "eth", "sol"]
    assert leases["run_id"].tolist() == ["run-1", "run-1", "run-2"]
    assert leases["claimed_at"].tolist() == [at(0), at(0), at(0.1)]


def test_a_claim_is_for_ever_and_can_be_repeated_by_its_run(ledger: Ledger) -> None:
    ledger.claim_rounds([CONFIG], START, "run-1", at(0))
    assert ledger.claim_rounds([CONFIG], START, "run-1", at(60)) == [CONFIG]
    assert ledger.claim_rounds([CONFIG], START, "run-2", at(600)) == []
    assert ledger.leases(START, at(1))["claimed_at"].tolist() == [at(0)]


def test_claiming_nothing_claims_nothing(ledger: Ledger) -> None:
    assert ledger.claim_rounds([], START, "run-1", at(0)) == []


def test_a_naive_instant_is_not_claimed(ledger: Ledger) -> None:
    with pytest.raises(TypeError, match="naive"):
        ledger.claim_rounds([CONFIG], datetime(2025, 1, 1), "run-1", at(0))  # noqa: DTZ001


def test_of_processes_that_race_exactly_one_gets_each_round(
    database_url: str, ledger: Ledger
) -> None:
    writer = "tests.storage.writer"
    processes = [fork_server.start(writer, database_url, "claim", directory=ROOT) for _ in range(3)]
    claims = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    claimed = [claim for claims_of_one in claims for claim in claims_of_one]
    assert len(claimed) == len(set(claimed)) == len(ledger.leases(START, START + HOUR)) == 180


def test_timings_come_back_and_are_added_once(ledger: Ledger) -> None:
    ledger.add_timings(timing(1))
    ledger.add_timings(timing(0, commit_ms=None))
    ledger.add_timings(timing(0, total_ms=1.0))
    ledger.add_timings(timing(2))
    stored = ledger.timings(at(0), at(2))
    assert tuple(stored.columns) == TIMING_COLUMNS
    assert stored["performed_at"].tolist() == [at(0), at(1)]
    assert stored["total_ms"].tolist() == [520.25, 520.25]
    assert stored["commit_ms"].isna().tolist() == [True, False]


def test_an_infinite_time_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"round_timings\.wake_ms is inf"):
        ledger.add_timings(timing(0, wake_ms=float("inf")))
