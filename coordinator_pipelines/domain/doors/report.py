"""What reports read of a challenge's memory, each read bounded by the range or limit asked.

Add a read here when an answer to the outside needs one; avoid writes, and reads whose cost grows
with history. The conventions of frames are those of ``ledger``; ``created_at`` is when the row
was written. The reads that ``Ledger`` declares too are the same ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.doors.ensemble import EnsembleReads
from coordinator_pipelines.domain.doors.evidence import Evidence
from coordinator_pipelines.domain.doors.ledger import (
    CELL,
    LEADERBOARD_COLUMNS,
    MODEL_SCORE_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND,
    SCORE_COLUMNS,
    Mode,
    TruthState,
)
from coordinator_pipelines.domain.doors.payout import PayoutReads
from coordinator_pipelines.domain.doors.revision import RevisionReads
from coordinator_pipelines.domain.doors.season import SeasonReads

BOARD_COLUMNS = (*LEADERBOARD_COLUMNS, "created_at")
POINT_COLUMNS = (*MODEL_SCORE_COLUMNS, "created_at")
REPORTED_PREDICTION_COLUMNS = (
    *(name for name in PREDICTION_COLUMNS if name != "answer_hash"), "created_at"
)  # fmt: skip
REPORTED_SCORE_COLUMNS = (*SCORE_COLUMNS, "created_at")
FEED_EXTENT_COLUMNS = (
    "subject", "oldest", "newest", "newest_created_at", "counted_since", "record_count",
)  # fmt: skip
"""``record_count``: records with ``ended_at >= counted_since``, all versions as one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The rounds of a page, first and last, and whether the range has earlier ones."""

    first: datetime
    last: datetime
    has_earlier: bool

    @property
    def end(self) -> datetime:
        """The first instant after the page."""
        return self.last + timedelta(microseconds=1)


class Reports(PayoutReads, RevisionReads, EnsembleReads, SeasonReads, Evidence, ABC):
    """The part of a challenge's memory that reports read. It can change nothing."""

    @abstractmethod
    def member_since(self, mode: Mode) -> datetime | None:
        """When the mode's first model joined; None if the mode has no models."""

    @abstractmethod
    def memberships(self, mode: Mode) -> pd.DataFrame:
        """All memberships, sorted by (model_id, joined_at): MEMBERSHIP_COLUMNS."""

    @abstractmethod
    def pauses(self) -> pd.DataFrame:
        """All pauses, by (prediction_config_id, paused_at): PAUSE_COLUMNS."""

    @abstractmethod
    def prediction_configs(self) -> pd.DataFrame:
        """All prediction configs that were ever registered: ``id, scope_key, scope_json``."""

    @abstractmethod
    def board(self, mode: Mode, until: datetime, *, version: int | None = None) -> pd.DataFrame:
        """The newest board with ``as_of <= until``: BOARD_COLUMNS, one row or none.

        ``version``: that one of it, else the newest.
        """

    @abstractmethod
    def scored_extent(self, mode: Mode, start: datetime, end: datetime) -> list[datetime]:
        """The first and last ``as_of`` in [start, end] that have model scores; empty if none."""

    @abstractmethod
    def score_points(
        self,
        mode: Mode,
        as_of: Sequence[datetime],
        model_ids: Sequence[str] | None,
        *,
        payload: bool,
    ) -> pd.DataFrame:
        """Newest model scores at the instants: POINT_COLUMNS, without ``payload_json`` if not so.

        ``model_ids``: None for all.
        """

    @abstractmethod
    def prediction_bounds(
        self,
        mode: Mode,
        start: datetime,
        end: datetime,
        model_ids: Sequence[str] | None,
        limit: int,
    ) -> Bounds | None:
        """Which rounds hold the last predictions with ``start <= performed_at < end``.

        At most ``limit`` predictions, but always whole rounds: one round may exceed it. None if
        there are no predictions.
        """

    @abstractmethod
    def reported_predictions(
        self,
        mode: Mode,
        start: datetime,
        end: datetime,
        model_ids: Sequence[str] | None,
        *,
        outputs: bool = False,
    ) -> pd.DataFrame:
        """Newest predictions with ``start <= performed_at < end``, ascending.

        REPORTED_PREDICTION_COLUMNS, the two JSON columns only if ``outputs``.
        """

    @abstractmethod
    def newest_answers(
        self, mode: Mode, prediction_config_id: str, after: datetime, until: datetime
    ) -> pd.DataFrame:
        """The newest round of a config with ``after < performed_at <= until``: PREDICTION_COLUMNS.

        A row per model, the newest version of each; none if there is no such round.
        """

    @abstractmethod
    def reported_scores(
        self, mode: Mode, start: datetime, end: datetime, model_ids: Sequence[str] | None
    ) -> pd.DataFrame:
        """Newest scores with ``start <= performed_at < end``: REPORTED_SCORE_COLUMNS."""

    @abstractmethod
    def ground_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest truth of each round, whatever its state: GROUND_TRUTH_COLUMNS."""

    def reported_cells(
        self,
        mode: Mode,
        start: datetime,
        end: datetime,
        model_ids: Sequence[str] | None,
        *,
        outputs: bool = False,
    ) -> pd.DataFrame:
        """``reported_predictions``, and what became of each (:func:`scored_cells`)."""
        return scored_cells(
            self.reported_predictions(mode, start, end, model_ids, outputs=outputs),
            self.reported_scores(mode, start, end, model_ids),
            self.ground_truths(start, end),
        )

    @abstractmethod
    def score_values(
        self,
        mode: Mode,
        after: datetime,
        until: datetime,
        model_ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Newest scores with ``after < resolvable_at <= until``: SCORE_VALUE_COLUMNS."""

    @abstractmethod
    def asked_rounds(self, mode: Mode, performed_at: datetime) -> pd.DataFrame:
        """The rounds of one instant, inputs included: ROUND_COLUMNS."""

    @abstractmethod
    def feed_extents(self, subjects: Sequence[str], *, count_days: int) -> pd.DataFrame:
        """What there is of each subject that has records: FEED_EXTENT_COLUMNS.

        ``count_days``: records are counted over so many days before the subject's newest.
        """

    @abstractmethod
    def feed_tail(self, subjects: Sequence[str], limit: int) -> pd.DataFrame:
        """The newest records of all subjects together, newest first: FEED_RECORD_COLUMNS."""

    @abstractmethod
    def feed_versions(self, subject: str, instants: Sequence[datetime]) -> pd.DataFrame:
        """All versions of a subject's records that end at the instants: FEED_RECORD_COLUMNS."""


def scored_cells(
    predictions: pd.DataFrame, scores: pd.DataFrame, truths: pd.DataFrame
) -> pd.DataFrame:
    """Predictions with what became of them, in their order.

    Adds ``value, success, rule, score_reason, scored_at, truth_state, outcome, score_state``. The
    last is ``pending`` (no score yet), ``scored`` (the model's own), ``imputed`` (given by the
    missing-data policy), ``excluded`` (nothing counts) or ``withdrawn`` (the truth does not count).
    """
    renamed = {"created_at": "scored_at", "failed_reason": "score_reason", "status": "scored_as"}
    own = scores.rename(columns=renamed)
    wanted = [*CELL, "value", "success", "rule", "score_reason", "scored_at", "scored_as"]
    cells = predictions.merge(own[wanted], on=CELL, how="left")
    states = truths[[*ROUND, "state", "outcome"]].rename(columns={"state": "truth_state"})
    cells = cells.merge(states, on=ROUND, how="left")
    cells["score_state"] = _states(cells)
    return cells


def resolved(predictions: pd.DataFrame, truths: pd.DataFrame) -> "pd.Series[bool]":
    """Whether there is a truth, of whatever state, for the round of each prediction.

    Until then nobody else may read what a model answered.
    """
    rounds = pd.MultiIndex.from_frame(truths[ROUND])
    found = pd.MultiIndex.from_frame(predictions[ROUND]).isin(rounds)
    return pd.Series(found, index=predictions.index)


def _states(cells: pd.DataFrame) -> "pd.Series[str]":
    void = [TruthState.VOID.value, TruthState.UNRESOLVABLE.value]
    state = pd.Series("scored", index=cells.index, dtype=object)
    state[cells["rule"] != "scorer"] = "imputed"
    state[cells["value"].isna()] = "excluded"
    state[cells["scored_as"].isin(void) | cells["truth_state"].isin(void)] = "withdrawn"
    state[cells["scored_as"].isna() & ~cells["truth_state"].isin(void)] = "pending"
    return state
