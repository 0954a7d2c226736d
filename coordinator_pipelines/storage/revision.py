"""Revisions, and what they are told from: superseded boards, versions of scores.

Add reads and writes of revisions here; avoid what one says.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, and_, exists, select

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.revision import (
    REVISION_COLUMNS,
    SCORE_VERSION_COLUMNS,
    SUPERSEDED_COLUMNS,
)
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.store import Store, after_until, at_instants
from coordinator_pipelines.storage.tables import leaderboards, scores
from coordinator_pipelines.storage.tables import revisions as table

HEAD_COLUMNS = tuple(name for name in REVISION_COLUMNS if name != "document_json")


class Revisions(Store):
    """Reads and writes of revisions."""

    def revisions(self, mode: str, *, newest: int, before: datetime | None = None) -> pd.DataFrame:
        """The revisions of so many boards, the newest boards first, without their documents."""
        own = table.c
        conditions = [own.mode == mode]
        if before is not None:
            conditions.append(own.as_of < as_utc(before))
        boards = select(own.as_of).where(*conditions).distinct()
        last = boards.order_by(own.as_of.desc()).limit(newest).subquery()
        rows = self._read(table, HEAD_COLUMNS, own.mode == mode, own.as_of.in_(select(last)))
        return rows.iloc[::-1].reset_index(drop=True)

    def revision(self, revision_id: str) -> pd.DataFrame:
        """The revision of an id: REVISION_COLUMNS, one row or none."""
        return self._read(table, REVISION_COLUMNS, table.c.id == revision_id)

    def untold_revisions(self, mode: str, after: datetime, until: datetime) -> pd.DataFrame:
        """Boards that superseded a final one and have no revision: ``as_of, version``."""
        conditions = after_until(leaderboards, "as_of", Mode(mode), after, until)
        later = leaderboards.c.version > 1
        names = ("as_of", "version")
        return self._read(leaderboards, names, *conditions, later, _superseded_final(), ~_told())

    def board_versions(self, mode: str, as_of: Sequence[datetime]) -> pd.DataFrame:
        """All versions of the boards of these instants: SUPERSEDED_COLUMNS."""
        return self._read(leaderboards, SUPERSEDED_COLUMNS, *at_instants(leaderboards, mode, as_of))

    def score_versions(
        self, mode: str, after: datetime, until: datetime, since: datetime
    ) -> pd.DataFrame:
        """All versions of the scores of which one was stored after an instant."""
        later = scores.alias()
        same = [later.c[name] == scores.c[name] for name in scores.info["key"]]
        changed = exists(select(later.c.version).where(*same, later.c.created_at > as_utc(since)))
        conditions = after_until(scores, "resolvable_at", Mode(mode), after, until)
        return self._read(scores, SCORE_VERSION_COLUMNS, *conditions, changed)

    def add_revisions(self, revisions: pd.DataFrame) -> int:
        """Add revisions (REVISION_COLUMNS); how many were not there yet."""
        return self._add(table, revisions).added


def _superseded_final() -> ColumnElement[bool]:
    """Whether the version before of a board was final."""
    before = leaderboards.alias()
    same = and_(
        before.c.mode == leaderboards.c.mode,
        before.c.as_of == leaderboards.c.as_of,
        before.c.version == leaderboards.c.version - 1,
    )
    return exists(select(before.c.version).where(same, before.c.final))


def _told() -> ColumnElement[bool]:
    """Whether a version of a board has a revision."""
    same = (table.c[name] == leaderboards.c[name] for name in ("mode", "as_of", "version"))
    return exists(select(table.c.version).where(*same))
