"""The health of a live challenge at one instant, as an operator wants to see it.

Add here what an operator must know of the challenge as a whole; avoid what is known of each
model (``model``) and config (``config``), what counts as an alarm
(``vital_signs``) and how it is shown. What is read spans a day at most, or is as long as the
lists of configs, models and pauses.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.health.config import ConfigHealth, config_health
from coordinator_pipelines.domain.health.model import HOUR, ModelHealth, model_health
from coordinator_pipelines.domain.health.vital_signs import START_UP as OPENED_UNASKED
from coordinator_pipelines.domain.health.vital_signs import VitalSign, vital_signs
from coordinator_pipelines.domain.prediction_batch.capture import ALIVE, START_UP
from coordinator_pipelines.domain.prediction_batch.timing import percentiles
from coordinator_pipelines.domain.rounds.opened_round import waiting
from coordinator_pipelines.domain.rounds.timetable import IDLE, LONGEST, is_alive, live_grid
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window


class State(StrEnum):
    """What a challenge is doing."""

    NEVER_LIVE = "never live"
    LIVE = "live"  # a capture is at work
    IDLE = "idle"  # no round is due soon
    DOWN = "down"  # rounds are due and no capture is at work
    OVER = "over"  # the challenge has ended


@dataclass(frozen=True, slots=True)
class CaptureHealth:
    """A run that asks live rounds, or did."""

    run_id: str
    at_work: bool
    span_start: datetime
    span_end: datetime
    started_at: datetime
    last_sign_at: datetime
    ended_at: datetime | None
    """None while it is at work, and for ever if it was killed."""
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class SignHealth:
    """One vital sign, and how far what it watches is behind the clock."""

    name: str
    ok: bool
    problem: str | None
    newest: datetime | None
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class BoardHealth:
    """The newest live board."""

    as_of: datetime
    version: int
    final: bool
    leader: str | None
    ranked: int


@dataclass(frozen=True, slots=True)
class Health:
    """Everything. ``well``: no vital sign is red. Latency is that of the last hour."""

    challenge: str
    feed: str
    at: datetime
    state: State
    well: bool
    live_since: datetime | None
    captures: list[CaptureHealth]
    """Those at work (two while one hands over), or else the last one."""
    vital_signs: list[SignHealth]
    configs: list[ConfigHealth]
    models: list[ModelHealth]
    latency_ms: dict[str, dict[str, float]]
    board: BoardHealth | None


def health(challenge: Challenge, ledger: Ledger, now: datetime) -> Health:
    """The health of a challenge; nothing is wrong with one that was never live."""
    live_since = ledger.first_captured_at()
    captures = _captures(ledger, now)
    at_work = any(capture.at_work for capture in captures)
    signs = [_sign(sign, now) for sign in vital_signs(challenge, ledger, now)]
    pauses = ledger.pauses()
    return Health(
        challenge=challenge.name,
        feed=challenge.feed.provider,
        at=now,
        state=State.LIVE if at_work else _state(challenge, ledger, live_since, pauses, now),
        well=all(sign.ok for sign in signs),
        live_since=live_since,
        captures=captures,
        vital_signs=signs,
        configs=config_health(challenge, ledger, pauses, now),
        models=model_health(challenge, ledger, now, capturing=at_work),
        latency_ms=percentiles(ledger.timings(now - HOUR, now)),
        board=_board(ledger, now),
    )


def _state(
    challenge: Challenge,
    ledger: Ledger,
    live_since: datetime | None,
    pauses: pd.DataFrame,
    now: datetime,
) -> State:
    """What a challenge without a capture at work is doing."""
    if live_since is None:
        return State.NEVER_LIVE
    if challenge.end is not None and now >= challenge.end:
        return State.OVER
    return State.DOWN if _needs_capture(challenge, ledger, pauses, now) else State.IDLE


def _needs_capture(
    challenge: Challenge, ledger: Ledger, pauses: pd.DataFrame, now: datetime
) -> bool:
    """Whether a round was due lately and the next one is near: one capture would have both.

    Of opened rounds, whether one has waited for a capture for a while.
    """
    if challenge.is_operated:
        opened = waiting(challenge, ledger, now)["performed_at"]
        return bool((opened <= now - OPENED_UNASKED).any())
    due = live_grid(challenge, Window(now - IDLE, now + IDLE), pauses)["performed_at"]
    before, after = due[due <= now].max(), due[due > now].min()
    return bool(after - before <= IDLE)


def _captures(ledger: Ledger, now: datetime) -> list[CaptureHealth]:
    near = _each(ledger.captures(now - LONGEST, now + LONGEST), now)
    at_work = [capture for capture in near if capture.at_work]
    return at_work or _each(ledger.newest_capture(), now)


def _each(captures: pd.DataFrame, now: datetime) -> list[CaptureHealth]:
    return [_capture(captures.iloc[[position]], now) for position in range(len(captures))]


def _capture(one: pd.DataFrame, now: datetime) -> CaptureHealth:
    row = one.iloc[0]
    return CaptureHealth(
        run_id=row["run_id"],
        at_work=is_alive(one, now),
        span_start=row["span_start"].to_pydatetime(),
        span_end=row["span_end"].to_pydatetime(),
        started_at=row["started_at"].to_pydatetime(),
        last_sign_at=_last_sign(row),
        ended_at=_instant(row["ended_at"]),
        end_reason=row["end_reason"],
    )


def _last_sign(capture: "pd.Series[Any]") -> datetime:
    """The end or the last heartbeat; ``alive_until`` is ahead of it."""
    started, alive_until = capture["started_at"], capture["alive_until"]
    beaten = started if alive_until == started + START_UP else alive_until - ALIVE
    return _instant(capture["ended_at"]) or beaten.to_pydatetime()


def _sign(sign: VitalSign, now: datetime) -> SignHealth:
    lag = (now - sign.newest).total_seconds() if sign.newest else None
    return SignHealth(sign.name, sign.problem is None, sign.problem, sign.newest, lag)


def _board(ledger: Ledger, now: datetime) -> BoardHealth | None:
    board = ledger.newest_leaderboard(Mode.LIVE, now)
    if board.empty:
        return None
    row = board.iloc[-1]
    ranked = [entry for entry in json.loads(row["entries_json"]) if entry["rank"] is not None]
    leader = min(ranked, key=lambda entry: int(entry["rank"]), default=None)
    return BoardHealth(
        as_of=row["as_of"].to_pydatetime(),
        version=int(row["version"]),
        final=bool(row["final"]),
        leader=leader["model_name"] if leader else None,
        ranked=len(ranked),
    )


def _instant(value: Any) -> datetime | None:
    if pd.isna(value):
        return None
    instant: datetime = value.to_pydatetime()
    return instant
