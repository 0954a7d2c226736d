"""What the ledger holds of revisions: which boards were superseded, by what, and what was told.

Add here what must be read or kept of a revision; avoid what one says (``domain.revision``). The
conventions of frames are those of ``ledger``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

REVISION_COLUMNS = (
    "mode", "as_of", "version", "id", "content_hash", "run_id", "summary_json", "document_json",
)  # fmt: skip
"""Key: (mode, as_of, version), those of the board that superseded another. ``summary_json``: what a
list shows of it; ``document_json``: everything (``domain.revision.revision``)."""

SUPERSEDED_COLUMNS = (
    "mode", "as_of", "version", "final", "entries_json", "meta_json", "content_hash", "run_id",
    "created_at",
)  # fmt: skip
"""A board (LEADERBOARD_COLUMNS) and when it was stored."""

SCORE_VERSION_COLUMNS = (
    "mode", "prediction_config_id", "performed_at", "resolvable_at", "model_id", "version",
    "prediction_version", "truth_version", "scorer", "status", "value", "rule", "created_at",
)  # fmt: skip
"""One version of a score, and when it was stored."""


class RevisionReads(ABC):
    """What may be read of revisions."""

    @abstractmethod
    def revisions(self, mode: str, *, newest: int, before: datetime | None = None) -> pd.DataFrame:
        """The revisions of so many boards, the newest boards first, without their documents.

        ``before``: only boards of instants before this one. All versions of a board are told.
        """

    @abstractmethod
    def revision(self, revision_id: str) -> pd.DataFrame:
        """The revision of an id: REVISION_COLUMNS, one row or none."""


class Revisions(RevisionReads, ABC):
    """The part of the ledger that holds revisions."""

    @abstractmethod
    def untold_revisions(self, mode: str, after: datetime, until: datetime) -> pd.DataFrame:
        """Boards that superseded a final one and have no revision: ``as_of, version``, in order.

        Those with ``after < as_of <= until``.
        """

    @abstractmethod
    def board_versions(self, mode: str, as_of: Sequence[datetime]) -> pd.DataFrame:
        """All versions of the boards of these instants: SUPERSEDED_COLUMNS."""

    @abstractmethod
    def score_versions(
        self, mode: str, after: datetime, until: datetime, since: datetime
    ) -> pd.DataFrame:
        """All versions of the scores of which one was stored after ``since``.

        SCORE_VERSION_COLUMNS of those with ``after < resolvable_at <= until``.
        """

    @abstractmethod
    def add_revisions(self, revisions: pd.DataFrame) -> int:
        """Add revisions (REVISION_COLUMNS); how many were not there yet."""
