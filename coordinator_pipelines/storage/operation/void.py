"""What operators said of rounds: voided, restored.

Add reads and writes of rulings here; avoid what becomes of the rounds' truths.
"""

from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import ROUND, Mode, RoundStatus
from coordinator_pipelines.domain.doors.operation import ROUND_VOID_COLUMNS
from coordinator_pipelines.domain.evidence.entry import ruling_drafts
from coordinator_pipelines.domain.season.state import require_open
from coordinator_pipelines.storage import evidence_log
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.operation import due
from coordinator_pipelines.storage.published import closed
from coordinator_pipelines.storage.store import Store, between
from coordinator_pipelines.storage.tables import open_rounds, rounds
from coordinator_pipelines.storage.tables import round_voids as table


class RoundVoids(Store):
    """Reads and writes of rulings on rounds."""

    def round_voids(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Everything said of rounds with ``start <= performed_at < end``, in order."""
        return self._read(table, ROUND_VOID_COLUMNS, *between(table.c.performed_at, start, end))

    def add_round_voids(self, rulings: pd.DataFrame) -> bool:
        """Add all of them, or none if one is there, and commit to them.

        Live rounds that were asked await work.

        Raises:
            SeasonError: one of the rounds first counts in a closed season.
        """
        first, last = rulings["performed_at"].min(), rulings["performed_at"].max()
        span = between(rounds.c.performed_at, first, last + pd.Timedelta(microseconds=1))
        with self._database.writing(table.name) as connection:
            asked = reads.read(
                connection, rounds, ("mode", *due.OPEN_COLUMNS), *span,
                rounds.c.status == RoundStatus.ASKED.value,
            ).merge(rulings[ROUND], on=ROUND)  # fmt: skip
            require_open(closed(connection), asked.drop_duplicates(ROUND))
            if len(reads.unstored(connection, table, rulings)) < len(rulings):
                return False
            bulk.add(connection, table, rulings)
            live = asked.loc[asked["mode"] == Mode.LIVE.value, list(due.OPEN_COLUMNS)]
            bulk.add(connection, open_rounds, live)
            drafts = ruling_drafts(evidence_log.challenge_of(connection), rulings)
            evidence_log.append(connection, drafts, self._notary)
        return True
