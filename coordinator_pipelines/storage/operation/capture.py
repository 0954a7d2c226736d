"""Live capture: which runs captured when, which of them asked a round, and how long it took.

Add reads and writes of captures, leases and timings here; avoid rounds and predictions.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from coordinator_pipelines.domain.doors.operation import (
    CAPTURE_COLUMNS,
    LEASE_COLUMNS,
    TIMING_COLUMNS,
)
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.store import Store, between
from coordinator_pipelines.storage.tables import captures, round_leases, round_timings

CHANGEABLE = ("span_start", "span_end", "alive_until", "ended_at", "end_reason")


class Captures(Store):
    """Reads and writes of captures, leases and timings.

    Writes are single statements that the primary keys keep apart, so none waits for its turn.
    """

    def record_capture(self, capture: pd.DataFrame) -> None:
        """Add one capture (CAPTURE_COLUMNS, one row), or update what may change of it."""
        with self._database.writing() as connection:
            bulk.merge(connection, captures, capture, CHANGEABLE)

    def keep_alive(self, run_id: str, alive_until: datetime) -> None:
        """Move on until when a recorded capture counts as alive."""
        beat = update(captures).where(captures.c.run_id == run_id)
        with self._database.writing() as connection:
            connection.execute(beat.values(alive_until=as_utc(alive_until)))

    def captures(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Captures whose span touches [start, end), by ``started_at``: CAPTURE_COLUMNS."""
        touching = captures.c.span_start < as_utc(end), captures.c.span_end > as_utc(start)
        return self._read(captures, CAPTURE_COLUMNS, *touching)

    def newest_capture(self) -> pd.DataFrame:
        """The capture that started last: one row, or none."""
        last = select(func.max(captures.c.started_at)).scalar_subquery()
        newest = self._read(captures, CAPTURE_COLUMNS, captures.c.started_at == last)
        return newest.tail(1).reset_index(drop=True)

    def first_captured_at(self) -> datetime | None:
        """The earliest ``span_start``: since when the challenge is live; None if it never was."""
        statement = select(func.min(captures.c.span_start))
        with self._database.reading() as connection:
            return connection.execute(statement).scalar()

    def claim_rounds(
        self, config_ids: Sequence[str], performed_at: datetime, run_id: str, now: datetime
    ) -> list[str]:
        """Claim a live instant for a run; the configs whose round is its own from now on.

        A run that claims again what is its own (it may not know whether its first claim was
        stored) gets it again.
        """
        claim = {"performed_at": as_utc(performed_at), "run_id": run_id, "claimed_at": as_utc(now)}
        # In one order everywhere, so that two runs that claim several rounds never deadlock.
        rows = [{"prediction_config_id": config, **claim} for config in sorted(config_ids)]
        if not rows:
            return []
        with self._database.writing() as connection:
            statement: Any = _INSERT[connection.dialect.name](round_leases).values(rows)
            own = round_leases.c.run_id == statement.excluded.run_id
            statement = statement.on_conflict_do_update(
                index_elements=list(round_leases.primary_key),
                set_={"run_id": round_leases.c.run_id},
                where=own,
            ).returning(round_leases.c.prediction_config_id)
            claimed = set(connection.execute(statement).scalars())
        return [config for config in config_ids if config in claimed]

    def leases(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Claims of the rounds of a window: LEASE_COLUMNS."""
        window = between(round_leases.c.performed_at, start, end)
        return self._read(round_leases, LEASE_COLUMNS, *window)

    def add_timings(self, timings: pd.DataFrame) -> None:
        """Add timings of live instants (TIMING_COLUMNS); those known already are skipped."""
        with self._database.writing() as connection:
            bulk.add(connection, round_timings, timings)

    def timings(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Timings with ``start <= performed_at < end``: TIMING_COLUMNS."""
        window = between(round_timings.c.performed_at, start, end)
        return self._read(round_timings, TIMING_COLUMNS, *window)


_INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
