"""What became of the rounds of a span: how many are scored, and why the others are not.

Add a fate of rounds here; avoid what became of single answers (those are cells).
"""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Ledger, Mode, RoundStatus, TruthState
from coordinator_pipelines.domain.rounds.missed import live_rounds
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window


@dataclass(frozen=True, slots=True)
class RoundTally:
    """Rounds by what became of them; each is in one of these."""

    scored: int
    tied: int
    """Asked and resolved; the tie rule counts them for nobody."""
    unresolvable: int
    """Asked, but a price that they need is missing."""
    void: int
    """Not asked, since no fresh price or no model could be had."""
    missed: int
    """Not asked, since no capture was there."""
    pending: int
    """Asked, and not resolved yet."""

    @property
    def total(self) -> int:
        """All rounds."""
        return self.scored + self.tied + self.unresolvable + self.void + self.missed + self.pending


def round_tally(
    challenge: Challenge, ledger: Ledger, mode: Mode, after: datetime, until: datetime
) -> RoundTally:
    """The rounds of a mode with ``after < resolvable_at <= until``, as the ledger has them now."""
    longest = max(config.cadence.horizon for config in challenge.configs)
    span = Window(max(challenge.start, after - longest), until)
    rounds = (
        live_rounds(challenge, ledger, span)
        if mode is Mode.LIVE
        else ledger.rounds(mode, span.start, span.end)
    )
    resolvable_at = rounds["resolvable_at"]
    rounds = rounds[(resolvable_at > pd.Timestamp(after)) & (resolvable_at <= pd.Timestamp(until))]
    truths = ledger.ground_truths(span.start, span.end)[[*ROUND, "state"]]
    told = rounds[[*ROUND, "status"]].merge(truths, on=ROUND, how="left")
    asked = told["status"] == RoundStatus.ASKED.value
    states = told.loc[asked, "state"]
    return RoundTally(
        scored=int((states == TruthState.FINAL.value).sum()),
        tied=int((states == TruthState.VOID.value).sum()),
        unresolvable=int((states == TruthState.UNRESOLVABLE.value).sum()),
        void=int((told["status"] == RoundStatus.VOID.value).sum()),
        missed=int((told["status"] == "MISSED").sum()),
        pending=int(states.isna().sum()),
    )
