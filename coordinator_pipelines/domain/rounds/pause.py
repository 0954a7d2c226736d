"""Pauses: an operator wants no rounds of a config for a while.

Add here what starts and ends a pause; avoid what it means for the rounds (``timetable``).
"""

from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.operation import PAUSE_COLUMNS
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError


def open_pauses(pauses: pd.DataFrame) -> pd.DataFrame:
    """The pauses (PAUSE_COLUMNS) that nobody has ended."""
    return pauses[pauses["resumed_at"].isna()]


def pause(
    challenge: Challenge, ledger: Ledger, config_id: str, reason: str | None, now: datetime
) -> pd.DataFrame:
    """Let no round of a config be asked from now on; the pause that lasted already, if any.

    Nothing is written if there is one.

    Raises:
        CoordinatorError: the challenge has no such config.
    """
    lasting = _lasting(challenge, ledger, config_id)
    if lasting.empty:
        row = (config_id, now, pd.NaT, reason)
        ledger.record_pause(_typed(pd.DataFrame([row], columns=list(PAUSE_COLUMNS))))
    return lasting


def resume(challenge: Challenge, ledger: Ledger, config_id: str, now: datetime) -> pd.DataFrame:
    """Let rounds of a config be asked again from now on; the pauses that this ended.

    None if it was not paused; several if operators paused it at the same moment.

    Raises:
        CoordinatorError: the challenge has no such config.
    """
    lasting = _lasting(challenge, ledger, config_id)
    ended = _typed(lasting.assign(resumed_at=now))
    for position in range(len(ended)):
        ledger.record_pause(ended.iloc[[position]])
    return lasting


def _lasting(challenge: Challenge, ledger: Ledger, config_id: str) -> pd.DataFrame:
    known = [config.id for config in challenge.configs]
    if config_id not in known:
        raise CoordinatorError(
            f"{challenge.name} has no active prediction config {config_id!r}; "
            f"it has: {', '.join(known)}"
        )
    lasting = open_pauses(ledger.pauses())
    return lasting[lasting["prediction_config_id"] == config_id]


def _typed(pauses: pd.DataFrame) -> pd.DataFrame:
    for name in ("paused_at", "resumed_at"):
        pauses[name] = pd.to_datetime(pauses[name], utc=True).astype("datetime64[us, UTC]")
    return pauses
