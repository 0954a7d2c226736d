"""The health of live models at one instant: who is there, and what became of their answers.

Add here what an operator should know of each model; avoid memberships themselves
(``membership``) and how well a model predicts (``leaderboard``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.doors.models import EventKind, Outcome
from coordinator_pipelines.domain.membership.membership import LOSSES
from coordinator_pipelines.domain.spec.challenge import Challenge

HOUR = timedelta(hours=1)
SHOWN_AFTER_LEAVING = timedelta(hours=24)
TROUBLE = [Outcome.FAILED.value, Outcome.TIMEOUT.value, Outcome.ABSENT.value]
LOST = [kind.value for kind in LOSSES]


class ModelState(StrEnum):
    """Where a model stands."""

    CONNECTED = "connected"  # a member that the capture at work can ask
    MEMBER = "member"  # expected to answer, but no capture is at work that would know more
    VANISHED = "vanished"  # a member whose connection is lost; it has left when its grace is over
    FAILED = "failed"  # given up or never joined; still expected if ``expected_until`` is set
    LEFT = "left"  # no longer expected


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last answer of a model that was not one."""

    performed_at: datetime
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ModelHealth:
    """One model. ``outcomes`` and ``exec_ms`` are of the rounds of the last hour."""

    id: str
    name: str | None
    """None, like ``owner``, of a model that failed before it was ever a member."""
    owner: str | None
    state: ModelState
    since: datetime
    reason: str | None
    expected_until: datetime | None
    """When one that is lost stops being expected; None for all others."""
    deployment: str
    outcomes: dict[str, int]
    exec_ms: dict[str, float] | None
    """``p50`` and ``p99`` of the answers that came."""
    trouble: Trouble | None


def model_health(
    challenge: Challenge, ledger: Ledger, now: datetime, *, capturing: bool
) -> list[ModelHealth]:
    """Every model that is expected, failed, or left within a day; by id.

    ``capturing``: whether a capture is at work, which alone knows who is connected.
    """
    grace = timedelta(seconds=challenge.absence_grace_seconds)
    cells = ledger.predictions(Mode.LIVE, now - HOUR, now, outputs=False)
    answers = dict(list(cells.groupby("model_id")))
    return [
        _health(row, answers.get(row["model_id"], cells.iloc[:0]), grace, capturing)
        for row in _known(ledger, now).to_dict("records")
    ]


def _known(ledger: Ledger, now: datetime) -> pd.DataFrame:
    """The newest membership and the newest event of each model that concerns an operator."""
    stays = ledger.memberships(Mode.LIVE).drop_duplicates("model_id", keep="last")
    events = ledger.newest_model_events().rename(columns={"code_hash": "event_code_hash"})
    known = stays.merge(events, on="model_id", how="outer").sort_values("model_id")
    recent = pd.Timestamp(now - SHOWN_AFTER_LEAVING)
    member = known["joined_at"].notna() & known["left_at"].isna()
    return known[member | (known["left_at"] >= recent) | (known["at"] >= recent)]


def _health(
    row: dict[Any, Any], cells: pd.DataFrame, grace: timedelta, capturing: bool
) -> ModelHealth:
    member = not pd.isna(row["joined_at"]) and pd.isna(row["left_at"])
    lost = row["kind"] in LOST
    state = _state(row, member=member, lost=lost, capturing=capturing)
    since = row["left_at"] if state is ModelState.LEFT else row["at"]
    since = row["joined_at"] if pd.isna(since) else since
    return ModelHealth(
        id=row["model_id"],
        name=_text(row["name"]),
        owner=_text(row["owner"]),
        state=state,
        since=since.to_pydatetime(),
        reason=_reason(row, state) if lost else _text(row["reason"]),
        expected_until=row["at"].to_pydatetime() + grace if member and lost else None,
        deployment=_text(row["code_hash"]) or row["event_code_hash"],
        outcomes={o.value: int((cells["status"] == o.value).sum()) for o in Outcome},
        exec_ms=_exec_ms(cells["exec_time_ms"].dropna()),
        trouble=_trouble(cells[cells["status"].isin(TROUBLE)]),
    )


def _state(row: dict[Any, Any], *, member: bool, lost: bool, capturing: bool) -> ModelState:
    expired = row["left_at"] >= row["at"]
    if lost and (member or not expired):
        failed = row["kind"] == EventKind.FAILED.value
        return ModelState.FAILED if failed else ModelState.VANISHED
    if not member:
        return ModelState.LEFT
    return ModelState.CONNECTED if capturing else ModelState.MEMBER


def _reason(row: dict[Any, Any], state: ModelState) -> str | None:
    """Why a model is lost; of one that has left for that, that it was."""
    told = _text(row["reason"])
    if state is not ModelState.LEFT:
        return told
    return f"{row['kind'].lower()} and not back in time" + (f": {told}" if told else "")


def _exec_ms(times: "pd.Series[float]") -> dict[str, float] | None:
    if times.empty:
        return None
    return {"p50": float(times.quantile(0.5)), "p99": float(times.quantile(0.99))}


def _trouble(cells: pd.DataFrame) -> Trouble | None:
    if cells.empty:
        return None
    last = cells.sort_values("performed_at").iloc[-1]
    return Trouble(
        last["performed_at"].to_pydatetime(), last["status"], _text(last["failed_reason"])
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
