"""The health of prediction configs at one instant: paused or not, and what became of their rounds.

Add here what an operator should know of each config; avoid answers of models (``model``)
and what explains a missed round (``missed``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, RoundStatus
from coordinator_pipelines.domain.health.vital_signs import IN_FLIGHT
from coordinator_pipelines.domain.rounds.missed import live_rounds, stretches
from coordinator_pipelines.domain.rounds.pause import open_pauses
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.domain.timeline.window import Window

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ConfigHealth:
    """One prediction config. The counts of rounds are of the last 24 hours."""

    id: str
    every_seconds: int | None
    """None: an operator opens its rounds."""
    paused_at: datetime | None
    pause_reason: str | None
    last_round: datetime | None
    """The newest of the last 24 hours that was asked or void."""
    next_round: datetime | None
    """None while the config is paused, after the challenge's end, and if an operator opens them."""
    asked: int
    void: int
    missed: int
    missed_by_reason: dict[str, int]
    missed_stretches: list[str]


def config_health(
    challenge: Challenge, ledger: Ledger, pauses: pd.DataFrame, now: datetime
) -> list[ConfigHealth]:
    """Every active config, in their order. ``pauses``: of ``Operation.pauses``."""
    rounds = live_rounds(challenge, ledger, Window(now - DAY, now), now)
    missed = rounds["status"] == "MISSED"
    rounds = rounds[~(missed & (rounds["performed_at"] >= now - IN_FLIGHT))]
    by_config = dict(list(rounds.groupby("prediction_config_id")))
    lasting = open_pauses(pauses).drop_duplicates("prediction_config_id")
    paused = lasting.set_index("prediction_config_id")
    return [
        _config(challenge, config, by_config.get(config.id, rounds.iloc[:0]), paused, now)
        for config in challenge.configs
    ]


def _config(
    challenge: Challenge,
    config: ScheduledPredictionConfig,
    rounds: pd.DataFrame,
    paused: pd.DataFrame,
    now: datetime,
) -> ConfigHealth:
    missed = rounds[rounds["status"] == "MISSED"]
    is_paused = config.id in paused.index
    next_round = config.cadence.next_round(max(now, challenge.start))
    if next_round and challenge.end and next_round >= challenge.end:
        next_round = None
    counts = rounds["status"].value_counts()
    return ConfigHealth(
        id=config.id,
        every_seconds=config.interval_seconds,
        paused_at=_instant(paused.loc[config.id, "paused_at"]) if is_paused else None,
        pause_reason=_text(paused.loc[config.id, "reason"]) if is_paused else None,
        last_round=_instant(rounds.loc[rounds["status"] != "MISSED", "performed_at"].max()),
        next_round=None if is_paused else next_round,
        asked=int(counts.get(RoundStatus.ASKED.value, 0)),
        void=int(counts.get(RoundStatus.VOID.value, 0)),
        missed=len(missed),
        missed_by_reason={str(r): int(n) for r, n in missed["reason"].value_counts().items()},
        missed_stretches=stretches(missed),
    )


def _instant(value: Any) -> datetime | None:
    if pd.isna(value):
        return None
    instant: datetime = value.to_pydatetime()
    return instant


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
