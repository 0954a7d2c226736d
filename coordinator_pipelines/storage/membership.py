"""Models and their memberships: who takes part, from when to when, with which code.

Add reads and writes of participants here; avoid predictions and rules of absence.
"""

import pandas as pd
from sqlalchemy import Connection

from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS, Mode
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import model_memberships, models

DESCRIPTION = ("name", "owner", "owner_id", "code_hash")


class Memberships(Store):
    """Reads and writes of memberships; the models table follows them."""

    def memberships(self, mode: Mode) -> pd.DataFrame:
        """All memberships, sorted by (model_id, joined_at)."""
        with self._database.reading() as connection:
            return reads.read(
                connection, model_memberships, MEMBERSHIP_COLUMNS, model_memberships.c.mode == mode
            )

    def record_memberships(self, memberships: pd.DataFrame) -> None:
        """Add memberships, or update ``left_at`` and the description of those that exist."""
        if memberships.empty:
            return
        with self._database.writing(model_memberships.name) as connection:
            bulk.merge(connection, model_memberships, memberships, ("left_at", *DESCRIPTION))
            described = _models(connection, memberships["model_id"].unique().tolist())
            bulk.merge(connection, models, described, DESCRIPTION)


def _models(connection: Connection, model_ids: list[str]) -> pd.DataFrame:
    """What the latest membership of each model, in any mode, says about it."""
    known = reads.read(
        connection,
        model_memberships,
        ("mode", "model_id", "joined_at", *DESCRIPTION),
        model_memberships.c.model_id.in_(model_ids),
    )
    latest = known.sort_values(["model_id", "joined_at", "mode"])
    latest = latest.drop_duplicates("model_id", keep="last")
    return latest.rename(columns={"model_id": "id"})[["id", *DESCRIPTION]]
