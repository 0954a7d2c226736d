"""What an operator posts: rounds that were opened, each with its features, and truths.

Add here what the ledger must hold of it; avoid what may be posted when (``opened_round``). The
conventions of frames are those of ``ledger``. Truths are read by the stage ``ground_truth`` and
by nothing that models hear of.
"""

from abc import ABC, abstractmethod
from datetime import datetime

import pandas as pd

OPENED_ROUND_COLUMNS = (
    "prediction_config_id", "performed_at", "closes_at", "opened_at", "content_hash",
    "features_json",
)  # fmt: skip
"""Key: (prediction_config_id, performed_at). ``opened_at``: when the operator said so.
``features_json``: of ``feature_table.FeatureTable``; ``content_hash`` is its digest."""

POSTED_TRUTH_COLUMNS = (
    "prediction_config_id", "performed_at", "version", "posted_at", "content_hash", "truth_json",
)  # fmt: skip
"""Key: (prediction_config_id, performed_at, version). ``truth_json``: id -> true value."""


class Posted(ABC):
    """The part of the ledger that holds what an operator posts."""

    @abstractmethod
    def opened_rounds(
        self, start: datetime, end: datetime, *, features: bool = False
    ) -> pd.DataFrame:
        """Rounds with ``start <= performed_at < end``; ``features_json`` only if asked for."""

    @abstractmethod
    def unclosed_rounds(self, now: datetime, *, leased: bool = False) -> pd.DataFrame:
        """Rounds that close after an instant, without features; only if asked for with a lease."""

    @abstractmethod
    def add_opened_round(self, opened: pd.DataFrame) -> bool:
        """Add one round (OPENED_ROUND_COLUMNS); False if the key was there already."""

    @abstractmethod
    def posted_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """The newest truth of each round with ``start <= performed_at < end``."""

    @abstractmethod
    def add_posted_truth(self, truth: pd.DataFrame, resolvable_at: datetime) -> bool:
        """Add one truth (POSTED_TRUTH_COLUMNS); False if that version was there already.

        In the same transaction the round is one that awaits work.
        """
