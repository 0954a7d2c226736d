"""How model scores, boards and checkpoints are written: nowhere else, and never in a closed season.

Add here what holds for all that is published; avoid what one kind of it says. The season of a row
is that of the instant ``as_of``. Whoever closes a season takes a turn among the writers of all
these tables, so none of them can have looked before and write after.
"""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from sqlalchemy import Connection, Table

from coordinator_pipelines.domain.doors.evidence import Draft
from coordinator_pipelines.domain.doors.ledger import Written
from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.domain.season.state import Closed, closed_seasons, is_closed
from coordinator_pipelines.storage import evidence_log
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.tables import season_events

Drafts = Callable[[str | None, pd.DataFrame], list[Draft]]
"""The entries of the log for new rows of a challenge."""


def closed(connection: Connection) -> list[Closed]:
    """The closed seasons, as this transaction sees them."""
    return closed_seasons(reads.read(connection, season_events, SEASON_EVENT_COLUMNS))


def publish(
    connection: Connection,
    table: Table,
    rows: pd.DataFrame,
    *,
    drafts: Drafts | None = None,
    notary: Notary | None = None,
) -> Written:
    """Add the rows that are new and in no closed season, and commit to them in the log."""
    kept = rows
    if len(rows) and (seasons := closed(connection)):
        kept = rows[~is_closed(seasons, pd.to_datetime(rows["as_of"], utc=True))]
    new = reads.unstored(connection, table, kept) if drafts else kept.iloc[:0]
    written = bulk.add(connection, table, kept)
    if drafts:
        own = drafts(evidence_log.challenge_of(connection), new)
        evidence_log.append(connection, own, notary)
    return replace(written, kept_out=len(rows) - len(kept))
