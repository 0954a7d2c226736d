"""Boards: model scores and leaderboards as of an instant, version by version.

Add reads and writes of boards here; avoid ranking and metrics.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import func, select

from coordinator_pipelines.domain.doors.ledger import (
    LEADERBOARD_COLUMNS,
    MODEL_SCORE_COLUMNS,
    Mode,
    Written,
)
from coordinator_pipelines.domain.evidence.entry import board_drafts
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.published import publish
from coordinator_pipelines.storage.store import Store, after_until, at_instants
from coordinator_pipelines.storage.tables import leaderboards as leaderboard_table
from coordinator_pipelines.storage.tables import model_scores as model_score_table


class Boards(Store):
    """Reads and writes of model scores and leaderboards."""

    def model_scores(self, mode: Mode, as_of: Sequence[datetime]) -> pd.DataFrame:
        """Newest model scores of each (as_of, model_id): MODEL_SCORE_COLUMNS."""
        conditions = at_instants(model_score_table, mode, as_of)
        return self._newest(model_score_table, MODEL_SCORE_COLUMNS, *conditions)

    def add_model_scores(self, model_scores: pd.DataFrame) -> Written:
        """Add model score versions in one transaction; none as of an instant in a closed season."""
        with self._database.writing(model_score_table.name) as connection:
            return publish(connection, model_score_table, model_scores)

    def leaderboards(self, mode: Mode, after: datetime, until: datetime) -> pd.DataFrame:
        """Newest board of each as_of with ``after < as_of <= until``: LEADERBOARD_COLUMNS."""
        conditions = after_until(leaderboard_table, "as_of", mode, after, until)
        return self._newest(leaderboard_table, LEADERBOARD_COLUMNS, *conditions)

    def newest_scored(self, mode: Mode, after: datetime, until: datetime) -> datetime | None:
        """The last ``as_of`` with ``after < as_of <= until`` that has model scores."""
        conditions = after_until(model_score_table, "as_of", mode, after, until)
        return self._last(model_score_table.c.as_of, *conditions)

    def newest_leaderboard(self, mode: Mode, until: datetime) -> pd.DataFrame:
        """The newest board with ``as_of <= until``: one row, or none."""
        columns = leaderboard_table.c
        earlier = (columns.mode == mode, columns.as_of <= as_utc(until))
        last = select(func.max(columns.as_of)).where(*earlier).scalar_subquery()
        conditions = (columns.mode == mode, columns.as_of == last)
        return self._newest(leaderboard_table, LEADERBOARD_COLUMNS, *conditions)

    def board_heads(self, mode: Mode, as_of: Sequence[datetime]) -> pd.DataFrame:
        """The newest board of each instant that has one: ``mode, as_of, version, final``."""
        conditions = at_instants(leaderboard_table, mode, as_of)
        return self._newest(leaderboard_table, ("mode", "as_of", "version", "final"), *conditions)

    def add_leaderboards(self, leaderboards: pd.DataFrame) -> Written:
        """Add board versions in one transaction, and commit to them; none in a closed season."""
        with self._database.writing(leaderboard_table.name) as connection:
            return publish(
                connection, leaderboard_table, leaderboards,
                drafts=board_drafts, notary=self._notary,
            )  # fmt: skip
