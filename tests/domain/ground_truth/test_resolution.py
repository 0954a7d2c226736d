"""Which windows a resolution covers: all that can be told more of, and none that does not exist."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import (
    LEADERBOARD_COLUMNS,
    MODEL_SCORE_COLUMNS,
    Ledger,
    Mode,
)
from coordinator_pipelines.domain.doors.operation import CAPTURE_COLUMNS
from coordinator_pipelines.domain.ground_truth.resolution import span_to_resolve
from coordinator_pipelines.domain.health.vital_signs import vital_signs
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START

WINDOW, MINUTE = timedelta(minutes=15), timedelta(minutes=1)
END = LIVE_START + timedelta(hours=1)


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    """One in which the challenge is live from LIVE_START on."""
    ledger = SqlLedger(sqlite_url)
    row: dict[str, Any] = {"run_id": "one", "end_reason": None, "ended_at": LIVE_START + WINDOW}
    row |= {"span_start": LIVE_START, "span_end": LIVE_START + WINDOW}
    row |= {"started_at": LIVE_START - MINUTE, "alive_until": LIVE_START + WINDOW}
    ledger.record_capture(pd.DataFrame([row], columns=list(CAPTURE_COLUMNS)))
    yield ledger
    ledger.close()


def challenge(**changes: Any) -> Challenge:
    """The live challenge, which begins when it goes live."""
    return checked_challenge(changed({"start": LIVE_START.isoformat(), **changes}, LIVE))


def add_final_board(ledger: Ledger, as_of: datetime) -> None:
    """A board of record on which nobody stands."""
    board = {"mode": Mode.LIVE.value, "as_of": as_of, "version": 1, "final": True}
    texts = {"entries_json": "[]", "meta_json": "{}", "content_hash": "0", "run_id": "one"}
    frame = pd.DataFrame([board | texts], columns=list(LEADERBOARD_COLUMNS))
    ledger.add_leaderboards(frame.astype({"as_of": "datetime64[us, UTC]"}))


def test_nothing_is_resolved_before_the_first_round_is_due(ledger: Ledger) -> None:
    assert span_to_resolve(challenge(), ledger, LIVE_START - MINUTE) is None


def test_the_open_window_is_always_resolved_and_closed_ones_until_their_board_is_final(
    ledger: Ledger,
) -> None:
    now = LIVE_START + 2 * WINDOW + MINUTE
    third = window_of(now, WINDOW)
    assert span_to_resolve(challenge(), ledger, now) == Window(LIVE_START, third.end)
    add_final_board(ledger, LIVE_START + WINDOW)
    assert span_to_resolve(challenge(), ledger, now) == Window(LIVE_START + WINDOW, third.end)
    add_final_board(ledger, LIVE_START + 2 * WINDOW)
    assert span_to_resolve(challenge(), ledger, now) == third


def test_windows_of_a_long_outage_are_resolved_however_long_it_was(ledger: Ledger) -> None:
    board = {"mode": Mode.LIVE.value, "as_of": LIVE_START + MINUTE, "model_id": "half"}
    texts = {"metrics_json": "{}", "payload_json": "{}", "content_hash": "0", "run_id": "one"}
    frame = pd.DataFrame([board | texts | {"version": 1}]).reindex(columns=MODEL_SCORE_COLUMNS)
    ledger.add_model_scores(frame.astype({"as_of": "datetime64[us, UTC]"}))
    back = LIVE_START + timedelta(days=3)
    span = span_to_resolve(challenge(), ledger, back)
    assert span == Window(LIVE_START, back + WINDOW)


@pytest.mark.parametrize("after", [timedelta(0), MINUTE, timedelta(minutes=40)])
def test_no_window_after_the_end_is_resolved_and_the_last_ones_until_their_board_is_final(
    ledger: Ledger, after: timedelta
) -> None:
    ends = challenge(end=END.isoformat())
    assert span_to_resolve(ends, ledger, END + after) == Window(LIVE_START, END)
    for k in range(1, 4):
        add_final_board(ledger, LIVE_START + k * WINDOW)
    assert span_to_resolve(ends, ledger, END + after) == Window(END - WINDOW, END)
    add_final_board(ledger, END)
    assert span_to_resolve(ends, ledger, END + after) is None


def test_long_after_the_end_nothing_is_resolved(ledger: Ledger) -> None:
    ends = challenge(end=END.isoformat())
    assert span_to_resolve(ends, ledger, END + timedelta(days=1)) is None


def test_a_challenge_that_is_over_is_not_missed(ledger: Ledger) -> None:
    ends, later = challenge(end=END.isoformat()), END + timedelta(days=1)
    signs = {sign.name: sign.problem for sign in vital_signs(ends, ledger, later)}
    assert signs.pop("board_is_current") == "there is no board yet"
    assert set(signs.values()) == {None}
