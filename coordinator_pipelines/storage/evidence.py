"""Reads of the log of evidence, for proofs and verifiers.

Add reads of ``domain.doors.evidence`` here; avoid appending (``evidence_log``).
"""

import base64
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Row, Select, Table, select

from coordinator_pipelines.domain.doors.evidence import (
    Commitment,
    Entry,
    Evidence,
    Head,
    Kind,
    Leaf,
)
from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    LEADERBOARD_COLUMNS,
    PREDICTION_COLUMNS,
    Mode,
)
from coordinator_pipelines.domain.doors.operation import ROUND_VOID_COLUMNS
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_COLUMNS
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage import evidence_log
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import (
    checkpoints,
    evidence_commitments,
    evidence_entries,
    evidence_heads,
    ground_truths,
    leaderboards,
    predictions,
    round_voids,
)

COMMITTED: dict[Kind, tuple[Table, tuple[str, ...], str]] = {
    Kind.PREDICTIONS: (predictions, PREDICTION_COLUMNS, "performed_at"),
    Kind.TRUTH: (ground_truths, GROUND_TRUTH_COLUMNS, "performed_at"),
    Kind.BOARD: (leaderboards, LEADERBOARD_COLUMNS, "as_of"),
    Kind.CHECKPOINT: (checkpoints, CHECKPOINT_COLUMNS, "period_end"),
    Kind.RULING: (round_voids, ROUND_VOID_COLUMNS, "performed_at"),
}
"""Where the rows are that an entry commits to, and which instant is the entry's own."""


class EvidenceReads(Store, Evidence):
    """The reads of ``domain.doors.evidence``."""

    def log_size(self) -> int:
        """How many entries the log has."""
        with self._database.reading() as connection:
            return evidence_log.log_size(connection)

    def newest_head(self) -> Head | None:
        """The head that was signed last; None if none ever was."""
        size = evidence_heads.c.size
        return next(iter(self._heads(select(evidence_heads).order_by(size.desc()).limit(1))), None)

    def heads(self, after: int, limit: int) -> list[Head]:
        """The first signed heads with ``size > after``, ascending."""
        size = evidence_heads.c.size
        later = select(evidence_heads).where(size > after).order_by(size)
        return self._heads(later.limit(limit))

    def entries(self, start: int, limit: int) -> list[Entry]:
        """The entries from a position on."""
        position = evidence_entries.c.position
        return self._entries(position >= start, position < start + limit)

    def entries_at(self, positions: Collection[int]) -> list[Entry]:
        """The entries at positions, ascending; only of those that there are."""
        return self._entries(evidence_entries.c.position.in_(positions))

    def round_entries(self, mode: Mode, config_id: str, performed_at: datetime) -> list[Entry]:
        """The entries of a round's predictions: one, or several if it was extended."""
        own = evidence_entries.c
        return self._entries(
            own.kind == Kind.PREDICTIONS.value,
            own.at == as_utc(performed_at),
            own.mode == mode.value,
            own.prediction_config_id == config_id,
        )

    def commitments(self, positions: Collection[int]) -> dict[int, Commitment]:
        """What opens entries of predictions, by position."""
        own = evidence_commitments.c
        columns = select(own.position, own.seed, own.leaves)
        with self._database.reading() as connection:
            rows = connection.execute(columns.where(own.position.in_(positions))).all()
        return {
            row.position: Commitment(
                base64.b64decode(row.seed), tuple(Leaf(*leaf) for leaf in json.loads(row.leaves))
            )
            for row in rows
        }

    def nodes(self, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Hashes of nodes (level, position) of the log's tree; only of those that are complete."""
        with self._database.reading() as connection:
            return evidence_log.read_nodes(connection, wanted)

    def committed_rows(self, kind: Kind, entries: Sequence[Entry]) -> pd.DataFrame:
        """What is stored of the instants that entries are about, in all its versions."""
        table, names, instant = COMMITTED[kind]
        conditions = [table.c[instant].in_({entry.at for entry in entries})]
        if "mode" in table.c:
            modes = {entry.mode.value for entry in entries if entry.mode is not None}
            conditions.append(table.c.mode.in_(modes))
        rows = self._read(table, names, *conditions)
        return rows.assign(version=rows["sequence"]) if kind is Kind.RULING else rows

    def _entries(self, *conditions: ColumnElement[bool]) -> list[Entry]:
        statement = select(evidence_entries).where(*conditions)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(evidence_entries.c.position)).all()
        return [
            Entry(
                row.position,
                Kind(row.kind),
                row.mode and Mode(row.mode),
                row.prediction_config_id,
                row.at,
                row.version,
                row.entry,
            )
            for row in rows
        ]

    def _heads(self, statement: Select[Any]) -> list[Head]:
        with self._database.reading() as connection:
            rows: list[Row[Any]] = list(connection.execute(statement).all())
        return [
            Head(row.size, base64.b64decode(row.root), row.signed_at, row.note, row.verifier_key)
            for row in rows
        ]
