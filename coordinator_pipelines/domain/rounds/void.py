"""Voided rounds: an operator says that rounds do not count, and may take that back.

Add here which rounds may be voided and what is stored of it; avoid what it makes of their truths
(``ground_truth.voided``). What was said stays; the last word counts.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger
from coordinator_pipelines.domain.doors.operation import ROUND_VOID_COLUMNS
from coordinator_pipelines.domain.rounds.opened_round import timeline
from coordinator_pipelines.domain.season.state import closed_seasons, require_open
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import RoundError

LONGEST = 500
"""Characters of a reason."""


class Ruling(StrEnum):
    """What an operator says of a round."""

    VOIDED = "VOIDED"
    RESTORED = "RESTORED"


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to say of the rounds of a span."""

    ruling: Ruling
    span: Window
    config_id: str | None
    """Of this prediction config only; None for all."""
    actor: str
    reason: str


def last_rulings(rulings: pd.DataFrame) -> pd.DataFrame:
    """The last word on each round, of all that was said (ROUND_VOID_COLUMNS, in order)."""
    return rulings.drop_duplicates(ROUND, keep="last")


def rounds_meant(challenge: Challenge, ledger: Ledger, intent: Intent) -> pd.DataFrame:
    """The rounds of an intent of which it has not been said yet, in order.

    Columns: ROUND, ``resolvable_at`` and ``sequence``, the next of the round's rulings.

    Raises:
        RoundError: there is no such round or config, or no reason was given.
        SeasonError: one of the rounds first counts in a closed season.
    """
    reason = intent.reason.strip()
    if not reason or len(reason) > LONGEST or not reason.isprintable():
        raise RoundError(f"--reason: printable text of 1 to {LONGEST} characters is needed")
    known = [config.id for config in challenge.configs]
    if intent.config_id is not None and intent.config_id not in known:
        raise RoundError(
            f"{challenge.name} has no active prediction config {intent.config_id!r}; "
            f"it has: {', '.join(known)}"
        )
    rounds = timeline(challenge, ledger, intent.span)
    if intent.config_id is not None:
        rounds = rounds[rounds["prediction_config_id"] == intent.config_id]
    if rounds.empty:
        raise RoundError(f"{challenge.name} has no round in {intent.span}")
    said = last_rulings(ledger.round_voids(intent.span.start, intent.span.end))
    told = rounds.merge(said[[*ROUND, "sequence", "kind"]], on=ROUND, how="left")
    voided = told["kind"] == Ruling.VOIDED.value
    wanted = told[~voided if intent.ruling is Ruling.VOIDED else voided]
    require_open(closed_seasons(ledger.season_events()), wanted)
    following = wanted["sequence"].fillna(0).astype("int64") + 1
    return wanted[[*ROUND, "resolvable_at"]].assign(sequence=following).reset_index(drop=True)


def rule(ledger: Ledger, rounds: pd.DataFrame, intent: Intent, now: datetime) -> None:
    """Say it of rounds (as :func:`rounds_meant` gives them), of all or of none.

    Raises:
        RoundError: somebody else said something of one of them meanwhile.
    """
    if rounds.empty:
        return
    rows = rounds.drop(columns="resolvable_at").assign(
        at=pd.Timestamp(as_utc(now)),
        kind=intent.ruling.value,
        actor=intent.actor,
        reason=intent.reason.strip(),
    )
    rows = rows.astype({"at": "datetime64[us, UTC]"})[list(ROUND_VOID_COLUMNS)]
    if not ledger.add_round_voids(rows):
        raise RoundError("another operator has ruled on these rounds at this moment; look again")
