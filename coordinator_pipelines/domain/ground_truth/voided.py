"""What an operator's word makes of truths: a voided round counts for nobody, a restored one again.

Add here how a ruling becomes a truth version; avoid who may rule (``rounds.void``). A void is told
once the round's outcome could be: before, a truth would open the answers to everybody. What it
supersedes stays, and restoring a round brings that back as it was, to the bit.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import GROUND_TRUTH_COLUMNS, ROUND, TruthState
from coordinator_pipelines.domain.rounds.void import Ruling, last_rulings

CONTENT = [
    name
    for name in GROUND_TRUTH_COLUMNS
    if name not in (*ROUND, "resolvable_at", "version", "void_sequence", "run_id")
]


@dataclass(frozen=True, slots=True)
class Voids:
    """The rulings on rounds of a span: ROUND_VOID_COLUMNS, all of them, in order."""

    rulings: pd.DataFrame

    def counting(self, rounds: pd.DataFrame) -> pd.DataFrame:
        """The rounds that are not voided."""
        if self.rulings.empty:
            return rounds
        last = last_rulings(self.rulings)
        voided = _rounds(last[last["kind"] == Ruling.VOIDED.value])
        return rounds[~_rounds(rounds).isin(voided)].reset_index(drop=True)

    def unapplied(self, stored: pd.DataFrame) -> pd.DataFrame:
        """The last rulings that the newest truths (``stored``) do not follow yet."""
        last = last_rulings(self.rulings)
        known = stored[[*ROUND, "void_sequence"]]
        last = last.merge(known, on=ROUND, how="left")
        return last[last["sequence"] > last["void_sequence"].fillna(0)].drop(
            columns="void_sequence"
        )

    def told_before(self, stored: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
        """The newest truths; of rounds to be restored, with what was told before their voids.

        ``stored``: newest versions; ``versions``: all of them (GROUND_TRUTH_COLUMNS). A round of
        which nothing was told before has nothing but its key and version.
        """
        wanted = self._to_restore(stored)
        if wanted.empty:
            return stored
        keys = pd.MultiIndex.from_frame(versions[[*ROUND, "version"]])
        own = versions[~keys.isin(void_versions(versions, self.rulings))]
        own = own.drop_duplicates(ROUND, keep="last").set_index(ROUND)
        to_restore = _rounds(stored).isin(_rounds(wanted))
        places = _rounds(stored[to_restore])
        told = stored.copy()
        for name in CONTENT:
            back = own[name].reindex(places)
            told.loc[to_restore, name] = (
                back.where(back.notna(), None) if back.dtype == object else back  # type: ignore[call-overload]
            ).to_numpy()
        return told

    def versions(
        self, new: pd.DataFrame, stored: pd.DataFrame, told: pd.DataFrame, rounds: pd.DataFrame,
        now: datetime,
    ) -> pd.DataFrame:  # fmt: skip
        """All truth versions to add: GROUND_TRUTH_COLUMNS but ``run_id``.

        Args:
            new: versions that resolving the counting rounds gave, against ``told``.
            stored: newest versions.
            told: of :meth:`told_before`.
            rounds: all rounds of the span, with ``resolvable_at``.
            now: rounds that are not resolvable by then are not voided yet.
        """
        if self.rulings.empty:
            return new
        rows = [new, self._restored(new, stored, told), self._voided(stored, rounds, now)]
        every = pd.concat([row for row in rows if len(row)] or [new], ignore_index=True)
        last = last_rulings(self.rulings).set_index(ROUND)["sequence"]
        return every.assign(void_sequence=last.reindex(_rounds(every)).to_numpy("float64"))

    def _to_restore(self, stored: pd.DataFrame) -> pd.DataFrame:
        found = self.unapplied(stored)
        found = found[found["kind"] == Ruling.RESTORED.value]
        return found.merge(stored[ROUND], on=ROUND)

    def _restored(
        self, new: pd.DataFrame, stored: pd.DataFrame, told: pd.DataFrame
    ) -> pd.DataFrame:
        """What was told before, of rounds that resolving tells nothing else of."""
        wanted = self._to_restore(stored)[ROUND]
        wanted = wanted[~_rounds(wanted).isin(_rounds(new))]
        back = told.merge(wanted, on=ROUND)
        back = back[back["state"].notna()]
        return back.assign(version=back["version"] + 1).drop(columns="run_id")

    def _voided(self, stored: pd.DataFrame, rounds: pd.DataFrame, now: datetime) -> pd.DataFrame:
        """A version for each voided round that is not told to be void yet."""
        found = self.unapplied(stored)
        found = found[found["kind"] == Ruling.VOIDED.value].drop(columns="at")
        found = found.merge(rounds[[*ROUND, "resolvable_at"]], on=ROUND)
        found = found[found["resolvable_at"] <= now]
        found = found.merge(stored[[*ROUND, "version"]], on=ROUND, how="left")
        nothing = dict.fromkeys(
            ("entry_price", "resolved_price", "outcome", "entry_record_version",
             "resolved_record_version", "void_sequence"), np.nan,
        )  # fmt: skip
        words = [
            f"voided by {actor}: {reason}"
            for actor, reason in zip(found["actor"], found["reason"], strict=True)
        ]
        rows = found.assign(
            version=found["version"].fillna(0).astype("int64") + 1,
            state=TruthState.VOID.value,
            reason=words,
            subject=None,
            payload_json=None,
            **nothing,
        )
        return rows[[name for name in GROUND_TRUTH_COLUMNS if name != "run_id"]]


def void_versions(truths: pd.DataFrame, rulings: pd.DataFrame) -> pd.MultiIndex:
    """Which truth versions (GROUND_TRUTH_COLUMNS) an operator voided a round by: ROUND, version."""
    said = rulings.loc[rulings["kind"] == Ruling.VOIDED.value, [*ROUND, "sequence"]]
    said = said.rename(columns={"sequence": "void_sequence"}).astype({"void_sequence": "float64"})
    return pd.MultiIndex.from_frame(
        truths.merge(said, on=[*ROUND, "void_sequence"])[[*ROUND, "version"]]
    )


def _rounds(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[ROUND])
