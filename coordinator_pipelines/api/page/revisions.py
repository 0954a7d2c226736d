"""The revisions that the pages show: those of one computation together.

Add here what is told of revisions to people; avoid what programs are told (``api.revision``).
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from coordinator_pipelines.api.http.answers import Sieve, records
from coordinator_pipelines.api.http.context import Context
from coordinator_pipelines.api.revision import RevisionRow, revision_row
from coordinator_pipelines.domain.doors.ledger import Mode

SHOWN = 500
"""Newest revised boards on a page."""


@dataclass(frozen=True, slots=True)
class RevisedBoards:
    """Boards that one computation revised, one after the other; told by the newest of them."""

    first: datetime
    last: datetime
    boards: int
    newest: RevisionRow


def revised_boards(context: Context, mode: Mode) -> list[RevisedBoards]:
    """The newest revisions, the newest boards first."""
    stored = records(context.reports.revisions(mode, newest=SHOWN))
    sieve = Sieve(context, "revisions")
    told = []
    for _, own in groupby(stored, key=lambda row: row["run_id"]):
        rows = sieve.rows(own, revision_row)
        if rows:
            told.append(RevisedBoards(rows[-1].as_of, rows[0].as_of, len(rows), rows[0]))
    return told
