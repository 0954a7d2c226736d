"""Reads for reports: bounded by a range or a limit, along the keys of the tables.

Add reads of ``domain.doors.report`` here; avoid writes, and reads whose cost grows with history.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Column, ColumnElement, Connection, Select, func, select

from coordinator_pipelines.domain.doors.ledger import (
    FEED_RECORD_COLUMNS,
    PREDICTION_COLUMNS,
    ROUND_COLUMNS,
    Mode,
)
from coordinator_pipelines.domain.doors.report import (
    BOARD_COLUMNS,
    FEED_EXTENT_COLUMNS,
    POINT_COLUMNS,
    REPORTED_PREDICTION_COLUMNS,
    REPORTED_SCORE_COLUMNS,
    Bounds,
    Reports,
)
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import reads
from coordinator_pipelines.storage.prediction_batch import OUTPUT_COLUMNS
from coordinator_pipelines.storage.store import Store, at_instants, of_models, performed_in
from coordinator_pipelines.storage.tables import (
    feed_records,
    leaderboards,
    model_memberships,
    model_scores,
    predictions,
    rounds,
    scheduled_prediction_configs,
    scores,
)

PAYLOAD = "payload_json"


class ReportReads(Store, Reports):
    """The reads of ``domain.doors.report`` that no stage has already."""

    def member_since(self, mode: Mode) -> datetime | None:
        """When the mode's first model joined; None if the mode has no models."""
        own = model_memberships.c
        with self._database.reading() as connection:
            return _first(connection, own.joined_at, [own.mode == mode])

    def prediction_configs(self) -> pd.DataFrame:
        """All prediction configs that were ever registered: ``id, scope_key, scope_json``."""
        names = ("id", "scope_key", "scope_json")
        with self._database.reading() as connection:
            return reads.read(connection, scheduled_prediction_configs, names)

    def board(self, mode: Mode, until: datetime, *, version: int | None = None) -> pd.DataFrame:
        """The newest board with ``as_of <= until``: BOARD_COLUMNS, one row or none."""
        own = leaderboards.c
        earlier = (own.mode == mode, own.as_of <= as_utc(until))
        last = select(func.max(own.as_of)).where(*earlier).scalar_subquery()
        conditions = [own.mode == mode, own.as_of == last]
        if version is not None:
            conditions.append(own.version == version)
        return self._newest(leaderboards, BOARD_COLUMNS, *conditions)

    def scored_extent(self, mode: Mode, start: datetime, end: datetime) -> list[datetime]:
        """The first and last ``as_of`` in [start, end] that have model scores; empty if none."""
        as_of = model_scores.c.as_of
        within = (model_scores.c.mode == mode, as_of >= as_utc(start), as_of <= as_utc(end))
        with self._database.reading() as connection:
            ends = (_first(connection, as_of, within), _last(connection, as_of, within))
        return [end for end in ends if end is not None]

    def score_points(
        self,
        mode: Mode,
        as_of: Sequence[datetime],
        model_ids: Sequence[str] | None,
        *,
        payload: bool,
    ) -> pd.DataFrame:
        """Newest model scores at the instants: POINT_COLUMNS, the payload only if asked for."""
        names = [name for name in POINT_COLUMNS if payload or name != PAYLOAD]
        conditions = at_instants(model_scores, mode, as_of) + of_models(model_scores, model_ids)
        return self._newest(model_scores, names, *conditions)

    def prediction_bounds(
        self,
        mode: Mode,
        start: datetime,
        end: datetime,
        model_ids: Sequence[str] | None,
        limit: int,
    ) -> Bounds | None:
        """Which rounds hold the last predictions with ``start <= performed_at < end``."""
        within = [*performed_in(predictions, mode, start, end), *of_models(predictions, model_ids)]
        performed_at = predictions.c.performed_at
        newest = select(performed_at).where(*within).order_by(performed_at.desc())
        with self._database.reading() as connection:
            oldest = _first(connection, performed_at, within)
            last = _last(connection, performed_at, within)
            if oldest is None or last is None:
                return None
            first = _cut(connection, newest, limit) or oldest
            return Bounds(first, last, has_earlier=oldest < first)

    def reported_predictions(
        self,
        mode: Mode,
        start: datetime,
        end: datetime,
        model_ids: Sequence[str] | None,
        *,
        outputs: bool = False,
    ) -> pd.DataFrame:
        """Newest predictions with ``start <= performed_at < end``, ascending."""
        names = [n for n in REPORTED_PREDICTION_COLUMNS if outputs or n not in OUTPUT_COLUMNS]
        chosen = of_models(predictions, model_ids)
        conditions = (*performed_in(predictions, mode, start, end), *chosen)
        rows = self._newest(predictions, names, *conditions)
        order = ["performed_at", "prediction_config_id", "model_id"]
        return rows.sort_values(order, ignore_index=True)

    def newest_answers(
        self, mode: Mode, prediction_config_id: str, after: datetime, until: datetime
    ) -> pd.DataFrame:
        """The newest round of a config with ``after < performed_at <= until``."""
        own = predictions.c
        among = (own.mode == mode, own.prediction_config_id == prediction_config_id)
        within = (own.performed_at > as_utc(after), own.performed_at <= as_utc(until))
        last = select(func.max(own.performed_at)).where(*among, *within).scalar_subquery()
        return self._newest(predictions, PREDICTION_COLUMNS, *among, own.performed_at == last)

    def reported_scores(
        self, mode: Mode, start: datetime, end: datetime, model_ids: Sequence[str] | None
    ) -> pd.DataFrame:
        """Newest scores with ``start <= performed_at < end``: REPORTED_SCORE_COLUMNS."""
        conditions = (*performed_in(scores, mode, start, end), *of_models(scores, model_ids))
        return self._newest(scores, REPORTED_SCORE_COLUMNS, *conditions)

    def asked_rounds(self, mode: Mode, performed_at: datetime) -> pd.DataFrame:
        """The rounds of one instant, inputs included: ROUND_COLUMNS."""
        conditions = (rounds.c.mode == mode, rounds.c.performed_at == as_utc(performed_at))
        with self._database.reading() as connection:
            return reads.read(connection, rounds, ROUND_COLUMNS, *conditions)

    def feed_extents(self, subjects: Sequence[str], *, count_days: int) -> pd.DataFrame:
        """What there is of each subject that has records: FEED_EXTENT_COLUMNS."""
        counted = timedelta(days=count_days)
        with self._database.reading() as connection:
            found = [_extent(connection, subject, counted) for subject in subjects]
        rows = [extent for extent in found if extent is not None]
        return pd.DataFrame(rows, columns=list(FEED_EXTENT_COLUMNS))

    def feed_tail(self, subjects: Sequence[str], limit: int) -> pd.DataFrame:
        """The newest records of all subjects together, newest first: FEED_RECORD_COLUMNS."""
        ended_at = feed_records.c.ended_at
        with self._database.reading() as connection:
            tails = [_tail(connection, subject, limit) for subject in subjects]
        rows = pd.concat([tail for tail in tails if len(tail)] or tails[:1])
        newest = rows.sort_values([ended_at.name, "subject"], ascending=[False, True])
        return newest.head(limit).reset_index(drop=True)

    def feed_versions(self, subject: str, instants: Sequence[datetime]) -> pd.DataFrame:
        """All versions of a subject's records that end at the instants: FEED_RECORD_COLUMNS."""
        own = feed_records.c
        ends = [as_utc(instant) for instant in instants]
        with self._database.reading() as connection:
            conditions = (own.subject == subject, own.ended_at.in_(ends))
            return reads.read(connection, feed_records, FEED_RECORD_COLUMNS, *conditions)


def _first(
    connection: Connection, instant: Column[datetime], within: Sequence[ColumnElement[bool]]
) -> datetime | None:
    return connection.scalar(select(instant).where(*within).order_by(instant).limit(1))


def _last(
    connection: Connection, instant: Column[datetime], within: Sequence[ColumnElement[bool]]
) -> datetime | None:
    return connection.scalar(select(instant).where(*within).order_by(instant.desc()).limit(1))


def _cut(connection: Connection, newest: Select[datetime], limit: int) -> datetime | None:
    """The first instant of a page of whole instants, if more come before it; else None."""
    found = connection.scalars(newest.offset(limit - 1).limit(2)).all()
    if len(found) < 2:
        return None
    inside, outside = found
    if inside != outside:
        return inside
    # The instant is cut in two: it belongs to the page before, unless it is all there is.
    later = connection.scalars(newest.limit(limit)).all()
    whole = [instant for instant in later if instant > outside]
    return whole[-1] if whole else outside


def _extent(
    connection: Connection, subject: str, counted: timedelta
) -> tuple[str, datetime, datetime, datetime, datetime, int] | None:
    own = feed_records.c
    of_subject = (own.subject == subject,)
    ends = select(own.ended_at, own.created_at).where(*of_subject)
    newest = connection.execute(
        ends.order_by(own.ended_at.desc(), own.version.desc()).limit(1)
    ).one_or_none()
    oldest = _first(connection, own.ended_at, of_subject)
    if newest is None or oldest is None:
        return None
    since = max(oldest, newest.ended_at - counted)
    count = select(func.count()).where(*of_subject, own.ended_at >= since, own.version == 1)
    total = int(connection.scalar(count) or 0)
    return subject, oldest, newest.ended_at, newest.created_at, since, total


def _tail(connection: Connection, subject: str, limit: int) -> pd.DataFrame:
    own = feed_records.c
    ends = select(own.ended_at).where(own.subject == subject, own.version == 1)
    since = connection.scalar(ends.order_by(own.ended_at.desc()).offset(limit - 1).limit(1))
    conditions = [own.subject == subject]
    if since is not None:
        conditions.append(own.ended_at >= since)
    return reads.newest(connection, feed_records, FEED_RECORD_COLUMNS, *conditions)
