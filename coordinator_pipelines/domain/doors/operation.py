"""What live operation remembers of itself: who captured when, what happened to models, pauses.

Add here what must survive a crash of the process that knows it; avoid what the pipeline's stages
store (``ledger``). The conventions of frames are those of ``ledger``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

CAPTURE_COLUMNS = (
    "run_id", "span_start", "span_end", "started_at", "alive_until", "ended_at", "end_reason",
)  # fmt: skip
"""A capture is responsible for the rounds in [span_start, span_end). It is alive while
``ended_at`` is NaT and ``alive_until``, which it moves ahead of itself, is not over."""

LEASE_COLUMNS = ("prediction_config_id", "performed_at", "run_id", "claimed_at")
"""Key: (prediction_config_id, performed_at). Who asked a live round: one capture, for ever."""

TIMING_COLUMNS = (
    "performed_at", "run_id", "models", "wake_ms", "prepare_ms", "models_ms", "validate_ms",
    "commit_ms", "total_ms",
)  # fmt: skip
"""Key: performed_at. Milliseconds of a live instant's stages, one after the other: from the
instant until the capture woke, until the question was built, until the last model had answered
or run out of time, until answers were validated, until the transaction was committed; and from
the instant to the commit. The coordinator's own time is ``total_ms - models_ms``."""

MODEL_EVENT_COLUMNS = ("at", "model_id", "kind", "code_hash", "reason")
"""Key: (at, model_id, kind). ``kind``: of ``domain.models.EventKind``."""

PAUSE_COLUMNS = ("prediction_config_id", "paused_at", "resumed_at", "reason")
"""Key: (prediction_config_id, paused_at). ``resumed_at`` is NaT while the pause lasts."""

INCIDENT_COLUMNS = (
    "name", "subject", "began_at", "problem", "seen_at", "ended_at", "told_at", "end_told_at",
    "silenced_at", "silenced_by", "reason",
)  # fmt: skip
"""Key: (name, subject, began_at); ``subject`` is empty where the name says it all. ``seen_at``:
when it was last wrong. The other instants are NaT until it has ended, people were told, or somebody
has taken note of it."""

ROUND_VOID_COLUMNS = (
    "prediction_config_id", "performed_at", "sequence", "at", "kind", "actor", "reason",
)  # fmt: skip
"""Key: (prediction_config_id, performed_at, sequence), counted from 1. ``kind``: of
``rounds.void.Ruling``."""


@dataclass(frozen=True, slots=True)
class Due:
    """What of one mode waits for a truth or a score: the first and last ``performed_at``."""

    first: datetime
    last: datetime
    rounds: int


class Operation(ABC):
    """The part of the ledger that live operation keeps for itself."""

    # -- captures -------------------------------------------------------------------------

    @abstractmethod
    def record_capture(self, capture: pd.DataFrame) -> None:
        """Add one capture (CAPTURE_COLUMNS, one row), or update what may change of it.

        ``span_start`` and ``span_end`` may, and ``alive_until``, ``ended_at``, ``end_reason``.
        """

    @abstractmethod
    def keep_alive(self, run_id: str, alive_until: datetime) -> None:
        """Move on until when a recorded capture counts as alive; one statement, as it is often."""

    @abstractmethod
    def captures(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Captures whose span touches [start, end), by ``started_at``: CAPTURE_COLUMNS."""

    @abstractmethod
    def newest_capture(self) -> pd.DataFrame:
        """The capture that started last: one row, or none."""

    @abstractmethod
    def first_captured_at(self) -> datetime | None:
        """The earliest ``span_start``: since when the challenge is live; None if it never was."""

    @abstractmethod
    def claim_rounds(
        self, config_ids: Sequence[str], performed_at: datetime, run_id: str, now: datetime
    ) -> list[str]:
        """Claim a live instant for a run; the configs whose round is its own from now on.

        Of several that claim, the database lets exactly one have each round.
        """

    @abstractmethod
    def leases(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Claims of the rounds of a window: LEASE_COLUMNS."""

    @abstractmethod
    def add_timings(self, timings: pd.DataFrame) -> None:
        """Add timings of live instants (TIMING_COLUMNS); those known already are skipped."""

    @abstractmethod
    def timings(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Timings with ``start <= performed_at < end``: TIMING_COLUMNS."""

    # -- models ---------------------------------------------------------------------------

    @abstractmethod
    def add_model_events(self, events: pd.DataFrame) -> None:
        """Add what happened to models (MODEL_EVENT_COLUMNS); known ones are skipped."""

    @abstractmethod
    def model_events(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Events with ``start <= at < end``, by (at, model_id): MODEL_EVENT_COLUMNS."""

    @abstractmethod
    def newest_model_events(self) -> pd.DataFrame:
        """The newest event of each model."""

    # -- pauses ---------------------------------------------------------------------------

    @abstractmethod
    def pauses(self) -> pd.DataFrame:
        """All pauses, by (prediction_config_id, paused_at): PAUSE_COLUMNS."""

    @abstractmethod
    def record_pause(self, pause: pd.DataFrame) -> None:
        """Add a pause (PAUSE_COLUMNS, one row), or update ``resumed_at`` of one that exists."""

    # -- incidents ------------------------------------------------------------------------

    @abstractmethod
    def incidents(self, since: datetime) -> pd.DataFrame:
        """Those that last, or ended at or after an instant, by key: INCIDENT_COLUMNS."""

    @abstractmethod
    def follow_incidents(self, incidents: pd.DataFrame) -> None:
        """Add incidents; of those that exist, update ``problem``, ``seen_at`` and ``ended_at``."""

    @abstractmethod
    def mark_told(self, incidents: pd.DataFrame) -> None:
        """Update ``told_at`` and ``end_told_at`` of incidents."""

    @abstractmethod
    def silence_incidents(self, incidents: pd.DataFrame) -> None:
        """Update ``silenced_at``, ``silenced_by`` and ``reason`` of incidents."""

    # -- voided rounds ----------------------------------------------------------------------

    @abstractmethod
    def round_voids(self, start: datetime, end: datetime) -> pd.DataFrame:
        """What operators said of rounds with ``start <= performed_at < end``, in order.

        ROUND_VOID_COLUMNS, of each round all of it.
        """

    @abstractmethod
    def add_round_voids(self, rulings: pd.DataFrame) -> bool:
        """Add what an operator says of rounds (ROUND_VOID_COLUMNS): all of it, or none.

        False if a sequence is taken. In the same transaction, live rounds that were asked are ones
        that await work.
        """

    # -- retention ------------------------------------------------------------------------

    @abstractmethod
    def prune_operation(self, before: datetime) -> int:
        """Delete leases and timings of rounds before an instant, and captures over by then.

        How many rows they were. The first capture stays (``first_captured_at``), and the newest.
        Events of models and pauses stay.
        """

    # -- what is due ----------------------------------------------------------------------

    @abstractmethod
    def due_rounds(self, until: datetime) -> Due | None:
        """Live rounds that were asked, are resolvable at or before ``until`` and await work.

        That is: they have no truth, or a FINAL one without a score for each of their cells, or
        scores of an older truth, or an operator has posted or ruled something since.
        None if there is none. What it reads does not grow with history.
        """
