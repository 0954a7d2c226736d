"""What status knows of a live challenge, at chosen instants of one that was captured."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from coordinator_pipelines.cli.views.status import show_health
from coordinator_pipelines.domain.doors.models import EventKind, Outcome
from coordinator_pipelines.domain.doors.operation import CAPTURE_COLUMNS
from coordinator_pipelines.domain.health.health import Health, State, health
from coordinator_pipelines.domain.health.model import ModelHealth, ModelState
from coordinator_pipelines.domain.rounds.pause import pause, resume
from coordinator_pipelines.domain.values.errors import CoordinatorError
from tests.support.live import LIVE, LIVE_START, LivePipeline, live_pipeline, member

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
END = LIVE_START + 5 * MINUTE
SLOW = {"id": "btc-slow", "schedule": {"every_seconds": 3600}}


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePipeline]:
    """Five minutes of a challenge, resolved, with good and bad models. Only to be read."""
    first = LIVE["scheduled_prediction_configs"][0]
    with pytest.MonkeyPatch.context() as monkeypatch:
        live = live_pipeline(
            tmp_path_factory.mktemp("health"),
            monkeypatch,
            scheduled_prediction_configs=[first, {**first, **SLOW}],
            ranking__minimum_samples=1,
        )
        live.models.join(member("wild"), lambda *_: Outcome.FAILED)
        for name in ("gone", "lost", "back"):
            live.models.join(member(name))
        happenings: list[tuple[int, Callable[[], Any]]] = [
            (1, lambda: live.models.part("gone")),
            (2, lambda: live.models.part("back", EventKind.VANISHED)),
            (3, lambda: live.models.join(member("back", "2"))),
            (4, lambda: live.models.part("lost", EventKind.VANISHED)),
        ]
        for minutes, happens in happenings:
            live.clock.plan(LIVE_START + minutes * MINUTE - SECOND, happens)
        live.capture(LIVE_START, END)
        live.clock.wait_until(END + 10 * SECOND)
        live.resolve(LIVE_START)
        yield live


def seen(live: LivePipeline, now: datetime) -> Health:
    """The health at an instant."""
    with live.pipeline.ledger() as ledger:
        return health(live.pipeline.challenge, ledger, now)


def model(found: Health, model_id: str) -> ModelHealth:
    """The health of one model."""
    [one] = [each for each in found.models if each.id == model_id]
    return one


def test_a_challenge_that_was_never_live_is_not_ill(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = seen(live_pipeline(tmp_path, monkeypatch), LIVE_START)
    assert found.state is State.NEVER_LIVE
    assert found.well
    assert found.live_since is None
    assert found.models == found.captures == []
    assert found.configs[0].missed == 0
    assert found.configs[0].next_round == LIVE_START


def test_without_a_capture_a_challenge_with_near_rounds_is_down(captured: LivePipeline) -> None:
    found = seen(captured, END + 10 * SECOND)
    assert found.state is State.DOWN
    assert found.live_since == LIVE_START
    [capture] = found.captures
    assert not capture.at_work
    assert capture.end_reason == "handed over"
    assert capture.last_sign_at == capture.ended_at == END


def test_a_capture_at_work_makes_it_live_and_tells_its_last_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_pipeline(tmp_path, monkeypatch)
    row = {
        "run_id": "run-1",
        "span_start": LIVE_START,
        "span_end": END,
        "started_at": LIVE_START - 20 * SECOND,
        "alive_until": LIVE_START + 20 * SECOND,
    }
    frame = pd.DataFrame([row]).reindex(columns=list(CAPTURE_COLUMNS))
    instants = ["span_start", "span_end", "started_at", "alive_until", "ended_at"]
    frame = frame.astype(dict.fromkeys(instants, "datetime64[us, UTC]"))
    with live.pipeline.ledger() as ledger:
        ledger.record_capture(frame)
    starting = seen(live, LIVE_START)
    assert starting.state is State.LIVE
    assert starting.captures[0].last_sign_at == row["started_at"]
    with live.pipeline.ledger() as ledger:
        ledger.record_capture(frame.assign(alive_until=pd.Timestamp(LIVE_START + 40 * SECOND)))
    assert seen(live, LIVE_START).captures[0].last_sign_at == LIVE_START + 30 * SECOND
    killed = seen(live, LIVE_START + MINUTE)
    assert killed.state is State.DOWN
    assert killed.captures[0].ended_at is None
    assert killed.captures[0].last_sign_at == LIVE_START + 30 * SECOND


def test_between_rare_rounds_a_challenge_is_idle_and_after_its_end_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {**LIVE["scheduled_prediction_configs"][0], "schedule": {"every_seconds": 900}}
    live = live_pipeline(
        tmp_path, monkeypatch, scheduled_prediction_configs=[config], end="2026-03-01T13:00:00Z"
    )
    live.capture(LIVE_START, LIVE_START + SECOND)
    idle = seen(live, LIVE_START + 5 * MINUTE)
    assert idle.state is State.IDLE
    assert idle.configs[0].next_round == LIVE_START + 15 * MINUTE
    over = seen(live, LIVE_START + timedelta(hours=2))
    assert over.state is State.OVER
    assert over.configs[0].next_round is None


def test_vital_signs_carry_their_lag(captured: LivePipeline) -> None:
    found = seen(captured, END + 10 * SECOND)
    assert found.well
    rounds = next(sign for sign in found.vital_signs if sign.name == "rounds_are_captured")
    assert rounds.newest == END - 15 * SECOND
    assert rounds.lag_seconds == 25
    ill = seen(captured, END + 30 * MINUTE)
    assert not ill.well
    assert {sign.name for sign in ill.vital_signs if not sign.ok} >= {"rounds_are_captured"}


def test_rounds_of_each_config_are_counted_and_missed_ones_explained(
    captured: LivePipeline,
) -> None:
    fast, slow = seen(captured, END + 10 * MINUTE).configs
    assert (fast.id, fast.every_seconds, fast.asked, fast.void) == ("btc-60s", 15, 20, 0)
    assert fast.last_round == END - 15 * SECOND
    assert fast.next_round == END + 10 * MINUTE
    assert fast.missed == 39  # the last one that was due may be in flight
    assert fast.missed_by_reason == {"no capture was running": 39}
    assert fast.missed_stretches == [
        "MISSED 2026-03-01 12:05:00 to 12:14:30 UTC (39 rounds): no capture was running"
    ]
    assert (slow.asked, slow.missed, slow.missed_stretches) == (1, 0, [])


def test_where_each_model_stands(captured: LivePipeline) -> None:
    found = seen(captured, END + 10 * SECOND)
    assert [each.id for each in found.models] == sorted(each.id for each in found.models)
    assert model(found, "half").state is ModelState.MEMBER
    assert model(found, "half").since == LIVE_START - MINUTE
    gone = model(found, "gone")
    assert gone.state is ModelState.LEFT
    assert gone.since == LIVE_START + MINUTE - SECOND
    lost = model(found, "lost")
    assert lost.state is ModelState.VANISHED
    assert lost.reason == "vanished"
    assert lost.expected_until == lost.since + 2 * MINUTE
    back = model(found, "back")
    assert back.state is ModelState.MEMBER
    assert back.deployment == "back-2"


def test_one_that_left_is_forgotten_after_a_day(captured: LivePipeline) -> None:
    found = seen(captured, END + timedelta(hours=25))
    assert "gone" not in [each.id for each in found.models]
    assert "half" in [each.id for each in found.models]


def test_answers_of_the_last_hour_are_counted_and_timed(captured: LivePipeline) -> None:
    found = seen(captured, END + 10 * SECOND)
    half = model(found, "half")
    assert half.outcomes == {
        "SUCCESS": 21, "FAILED": 0, "TIMEOUT": 0, "ABSTAINED": 0, "ABSENT": 0,
    }  # fmt: skip
    assert half.exec_ms == {"p50": 1.0, "p99": 1.0}
    assert half.trouble is None
    wild = model(found, "wild")
    assert wild.outcomes["FAILED"] == 21
    assert wild.exec_ms is None
    assert wild.trouble is not None
    assert wild.trouble.reason == "failed"
    assert wild.trouble.performed_at == END - 15 * SECOND
    assert model(found, "lost").outcomes["ABSENT"] == 4
    later = model(seen(captured, END + timedelta(hours=2)), "half")
    assert sum(later.outcomes.values()) == 0


def test_the_newest_board_and_the_latency_are_told(captured: LivePipeline) -> None:
    found = seen(captured, END + 10 * SECOND)
    assert found.board is not None
    assert found.board.as_of == END + 10 * SECOND
    assert not found.board.final
    assert found.board.leader in {"Half", "Sure", "Back"}
    assert {"coordinator_ms", "models_ms", "total_ms"} < set(found.latency_ms)
    assert seen(captured, END + timedelta(hours=2)).latency_ms == {}


def test_a_pause_shows_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = live_pipeline(tmp_path, monkeypatch)
    challenge = live.pipeline.challenge
    with live.pipeline.ledger() as ledger:
        assert pause(challenge, ledger, "btc-60s", "vendor", LIVE_START + 20 * SECOND).empty
        assert len(pause(challenge, ledger, "btc-60s", "again", LIVE_START + 30 * SECOND)) == 1
        live.capture(LIVE_START, LIVE_START + MINUTE)
        [paused] = health(challenge, ledger, LIVE_START + MINUTE).configs
        assert (paused.paused_at, paused.pause_reason) == (LIVE_START + 20 * SECOND, "vendor")
        assert (paused.next_round, paused.asked, paused.missed) == (None, 2, 0)
        assert len(resume(challenge, ledger, "btc-60s", LIVE_START + 2 * MINUTE)) == 1
        assert resume(challenge, ledger, "btc-60s", LIVE_START + 2 * MINUTE).empty
        [going_on] = health(challenge, ledger, LIVE_START + 3 * MINUTE).configs
        assert going_on.paused_at is None
        assert going_on.missed_stretches == [
            "MISSED 2026-03-01 12:02:00 to 12:02:30 UTC (3 rounds): no capture was running"
        ]
        with pytest.raises(CoordinatorError, match="no active prediction config 'x'; it has: btc"):
            pause(challenge, ledger, "x", None, LIVE_START)


def test_the_screen_fits_into_a_hundred_columns_and_shows_no_foreign_control_characters(
    captured: LivePipeline,
) -> None:
    found, out = seen(captured, END + 20 * MINUTE), io.StringIO()
    named = [replace(each, name=f"\x1b[31m{each.name}") for each in found.models]
    show_health(Console(file=out, width=100), replace(found, models=named))
    lines = out.getvalue().splitlines()
    assert "\x1b" not in out.getvalue()
    assert all(len(line.rstrip()) <= 100 for line in lines)
    assert "live is down: rounds are due and no capture is at work" in out.getvalue()
    [rounds] = [line for line in lines if line.startswith("rounds_are_captured")]
    assert "RED  12:04:45" in rounds
    [config] = [line for line in lines if line.startswith("btc-60s  ")]
    assert config.split() == ["btc-60s", "15", "s", "12:04:45", "12:25:00", "20", "0", "79"]
    assert "lost vanished, expected until 12:05:59: vanished" in out.getvalue()
    assert " [31mHalf" in out.getvalue()
    [wild] = [line for line in lines if "12:04:45 FAILED: failed" in line]
    assert wild.split()[:6] == ["wild", "0", "21", "0", "0", "0"]
