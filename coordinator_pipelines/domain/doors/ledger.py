"""The one door between the pipeline and a database: what can be asked of it, in batches.

Add a method here when a stage needs to read or write something; avoid SQL, connections and
rules of any stage. Reads and writes are data frames: one call, one query or one transaction.

Conventions that every frame keeps:

* instants are ``datetime64[us, UTC]``; naive ones raise ``TypeError``;
* a JSON column (its name says so below) holds JSON *text* or None, never Python objects, and
  never NaN or infinity: writing one raises ``LedgerError`` and stores nothing;
* a missing number is NaN in a frame and NULL in the database;
* reads return the newest version of each key, sorted by key, unless they say otherwise;
* rows are only ever added. A write skips rows whose key and version exist already;
* a window [start, end) selects by ``performed_at`` (``ended_at`` for records) unless said
  otherwise.

The key of a *cell* is (mode, prediction_config_id, performed_at, model_id).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from coordinator_pipelines.domain.doors.ensemble import Ensembles
from coordinator_pipelines.domain.doors.operation import Operation
from coordinator_pipelines.domain.doors.payout import Payouts
from coordinator_pipelines.domain.doors.posted import Posted
from coordinator_pipelines.domain.doors.revision import Revisions
from coordinator_pipelines.domain.doors.season import Seasons


class Mode(StrEnum):
    """Whether models were asked at ``performed_at`` or later; the two never meet."""

    LIVE = "live"
    REPLAY = "replay"


class RoundStatus(StrEnum):
    """What became of a round. MISSED is not stored: it is what the grid has and the ledger not."""

    ASKED = "ASKED"
    VOID = "VOID"  # its input was stale or missing: no model was asked, nobody pays for it


class TruthState(StrEnum):
    """State of a ground truth version. A FINAL version above 1 is a revision."""

    FINAL = "FINAL"
    VOID = "VOID"  # it does not count: by the challenge's rule (a tie), or an operator says so
    UNRESOLVABLE = "UNRESOLVABLE"  # a record is missing and the deadline has passed


@dataclass(frozen=True, slots=True)
class Identity:
    """What a database belongs to. Two challenges or two feeds never share one."""

    challenge: str
    feed: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: rows added, of those the ones that supersede an older version."""

    added: int
    revised: int = 0
    kept_out: int = 0
    """Rows that were not written, as the season that they belong to is closed."""


ROUND = ["prediction_config_id", "performed_at"]
"""What names a round of one mode."""
CELL = [*ROUND, "model_id"]
"""What names one model's answer, or its score, in it."""

FEED_RECORD_COLUMNS = (
    "subject", "ended_at", "version", "open", "high", "low", "close", "volume", "source",
    "observed_at",
)  # fmt: skip
"""``observed_at``: when the version could first be seen. ``version`` counts from 1."""

MEMBERSHIP_COLUMNS = (
    "mode", "model_id", "joined_at", "left_at", "name", "owner", "owner_id", "code_hash",
)  # fmt: skip
"""``left_at`` is NaT while the model is a member; ``owner`` is a display name, ``owner_id`` the
owner's account. Key: (mode, model_id, joined_at)."""

ROUND_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "resolvable_at", "status", "reason",
    "scope_json", "input_json", "input_ended_at", "run_id",
)  # fmt: skip
"""``input_ended_at``: end of the newest record in the input. Key: mode, config, performed_at."""

PREDICTION_COLUMNS = (
    "id", "mode", "prediction_config_id", "performed_at", "resolvable_at", "model_id", "version",
    "scope_key", "status", "runner_status", "failed_reason", "output_json", "raw_output_json",
    "exec_time_ms", "code_hash", "run_id", "answer_hash",
)  # fmt: skip
"""``status`` is the cell's outcome; ``runner_status`` what the runner said before validation.
``output_json`` is the validated output, ``raw_output_json`` what the model returned.
``answer_hash`` tells whether the row was changed (``prediction_batch.answer_hash``)."""

ANSWER_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "model_id", "version", "status", "output_json",
)  # fmt: skip
"""What is left of a prediction that is checked, where only what was answered counts."""

GROUND_TRUTH_COLUMNS = (
    "prediction_config_id", "performed_at", "resolvable_at", "version", "subject",
    "entry_price", "resolved_price", "outcome", "state", "reason", "payload_json",
    "entry_record_version", "resolved_record_version", "void_sequence", "run_id",
)  # fmt: skip
"""Key: (prediction_config_id, performed_at, version): truths know no mode and no model.
``void_sequence``: the operator's last ruling on the round that it follows (ROUND_VOID_COLUMNS)."""

RESOLVED_COLUMNS = [name for name in GROUND_TRUTH_COLUMNS if name not in ("version", "run_id")]
"""What resolving a round tells, whatever was told of it before; it follows no ruling."""

SCORE_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "resolvable_at", "model_id", "version",
    "prediction_version", "truth_version", "scorer", "status", "value", "success", "rule",
    "failed_reason", "run_id",
)  # fmt: skip
"""``value``: what counts in the windows, NaN if excluded. ``rule``: where the value comes from
(``scorer``, ``exclude``, ``worst``, ``value``, ``baseline``). ``status``: the cell's outcome; or
the truth's state, where a score was withdrawn because its truth no longer counts."""

SCORE_VALUE_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "resolvable_at", "model_id", "version", "value",
)  # fmt: skip
"""What is left of a score where only its value counts."""

STATISTIC_COLUMNS = (
    "mode", "prediction_config_id", "model_id", "bucket_end", "n", "n_imputed", "n_success",
    "n_failed", "n_timeout", "n_abstained", "n_absent", "total", "squares", "log_wealth",
    "n_ruin", "n_positive",
)  # fmt: skip
"""Sums over the newest scores with ``resolvable_at`` in (bucket_end - bucket, bucket_end].
``total``: sum of values; ``squares``: sum of squared deviations from the bucket's mean."""

MODEL_SCORE_COLUMNS = (
    "mode", "as_of", "model_id", "version", "metrics_json", "payload_json", "content_hash",
    "run_id",
)  # fmt: skip

LEADERBOARD_COLUMNS = (
    "mode", "as_of", "version", "final", "entries_json", "meta_json", "content_hash", "run_id",
)  # fmt: skip


class Ledger(Operation, Posted, Payouts, Revisions, Ensembles, Seasons, ABC):
    """Everything that a challenge remembers."""

    @abstractmethod
    def identify(self, identity: Identity) -> None:
        """Claim an empty database, or confirm that it is the challenge's own.

        Raises:
            LedgerIdentityError: it belongs to another challenge or feed; the message names both.
        """

    @abstractmethod
    def register_configs(self, configs: pd.DataFrame) -> None:
        """Record prediction configs.

        Columns: ``id, scope_key, scope_json, schedule_json, active, order, meta_json``; the
        last three may change later.

        Raises:
            LedgerError: an id is known with another scope or schedule.
        """

    # -- feed records ---------------------------------------------------------------------

    @abstractmethod
    def feed_records(
        self, subjects: Sequence[str], start: datetime, end: datetime, *, all_versions: bool = False
    ) -> pd.DataFrame:
        """Records with ``start <= ended_at < end``: FEED_RECORD_COLUMNS."""

    @abstractmethod
    def newest_record(self, subjects: Sequence[str]) -> pd.DataFrame:
        """The newest stored record of each subject (at most one row each)."""

    @abstractmethod
    def add_feed_records(
        self, records: pd.DataFrame, *, publication_delay: float, now: datetime
    ) -> Written:
        """Add a record frame (``domain.feed.RECORD_COLUMNS``).

        A record not known yet becomes version 1, observed at ``ended_at`` +
        ``publication_delay`` seconds. One whose prices differ from the newest version becomes
        a new version, observed at ``now``. One that is equal is skipped.
        """

    @abstractmethod
    def prune_feed_records(self, before: datetime) -> int:
        """Delete all versions of records with ``ended_at < before``; how many rows they were.

        The only deletion of what a stage stored, in several short transactions. The caller sees
        to it that no truth, input or board to come needs them.
        """

    # -- memberships ----------------------------------------------------------------------

    @abstractmethod
    def memberships(self, mode: Mode) -> pd.DataFrame:
        """All memberships, sorted by (model_id, joined_at)."""

    @abstractmethod
    def record_memberships(self, memberships: pd.DataFrame) -> None:
        """Add memberships, and keep the ``models`` table (one row per model) in step.

        Of a membership that exists, ``left_at``, ``name``, ``owner``, ``owner_id`` and
        ``code_hash`` are updated.
        """

    # -- prediction batches ---------------------------------------------------------------

    @abstractmethod
    def rounds(
        self, mode: Mode, start: datetime, end: datetime, *, inputs: bool = False
    ) -> pd.DataFrame:
        """Rounds of the window: ROUND_COLUMNS, without ``input_json`` if not ``inputs``."""

    @abstractmethod
    def newest_round(self, mode: Mode, status: RoundStatus | None = None) -> datetime | None:
        """The last ``performed_at`` of the mode's rounds (of those with the status)."""

    @abstractmethod
    def newest_truth(self) -> datetime | None:
        """The last ``resolvable_at`` of a round that has a truth, whatever its state."""

    @abstractmethod
    def predictions(
        self, mode: Mode, start: datetime, end: datetime, *, outputs: bool = True
    ) -> pd.DataFrame:
        """Newest version of each cell; without JSON columns and hash if not ``outputs``."""

    @abstractmethod
    def add_prediction_batch(self, rounds: pd.DataFrame, predictions: pd.DataFrame) -> Written:
        """Add rounds and predictions in one transaction; counts predictions added."""

    # -- ground truths --------------------------------------------------------------------

    @abstractmethod
    def ground_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest truth of each round, whatever its state: GROUND_TRUTH_COLUMNS."""

    @abstractmethod
    def truth_versions(self, start: datetime, end: datetime) -> pd.DataFrame:
        """All versions of the truths with ``start <= performed_at < end``: GROUND_TRUTH_COLUMNS."""

    @abstractmethod
    def add_ground_truths(self, truths: pd.DataFrame) -> Written:
        """Add truth versions; those with ``version`` above 1 count as revised."""

    # -- scores ---------------------------------------------------------------------------

    @abstractmethod
    def newest_score(self, mode: Mode) -> datetime | None:
        """The last ``resolvable_at`` of a cell that has a score, whatever its state."""

    @abstractmethod
    def scores(self, mode: Mode, start: datetime, end: datetime) -> pd.DataFrame:
        """Newest version of each cell's score by ``performed_at``."""

    @abstractmethod
    def scores_resolved(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest version of each cell's score with ``after < resolvable_at <= until``."""

    @abstractmethod
    def score_values(
        self,
        mode: Mode,
        after: datetime,
        until: datetime,
        model_ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """``scores_resolved`` with fewer columns, of some models: SCORE_VALUE_COLUMNS."""

    @abstractmethod
    def add_scores(self, scores: pd.DataFrame) -> Written:
        """Add score versions.

        In the same transaction, the statistics of every bucket that their ``resolvable_at``
        touches are recomputed.
        """

    @abstractmethod
    def score_statistics(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Statistics of the buckets with ``after < bucket_end <= until``: STATISTIC_COLUMNS."""

    # -- boards ---------------------------------------------------------------------------

    @abstractmethod
    def model_scores(self, mode: Mode, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Newest model scores of each (as_of, model_id): MODEL_SCORE_COLUMNS."""

    @abstractmethod
    def add_model_scores(self, model_scores: pd.DataFrame) -> Written:
        """Add model score versions in one transaction."""

    @abstractmethod
    def leaderboards(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest board of each as_of with ``after < as_of <= until``: LEADERBOARD_COLUMNS."""

    @abstractmethod
    def newest_scored(self, mode: Mode, after: datetime, until: datetime) -> datetime | None:
        """The last ``as_of`` with ``after < as_of <= until`` that has model scores."""

    @abstractmethod
    def board_heads(self, mode: Mode, as_of: Sequence[datetime]) -> pd.DataFrame:
        """The newest board of each instant that has one: ``mode, as_of, version, final``."""

    @abstractmethod
    def newest_leaderboard(self, mode: Mode, until: datetime) -> pd.DataFrame:
        """The newest board with ``as_of <= until``: one row, or none."""

    @abstractmethod
    def add_leaderboards(self, leaderboards: pd.DataFrame) -> Written:
        """Add board versions in one transaction."""
