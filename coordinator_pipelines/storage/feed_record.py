"""Feed records: what was the price, who says so, and since when that could be known.

Add reads and writes of records here; avoid feeds, and the meaning of a price.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, RECORD_COLUMNS
from coordinator_pipelines.domain.doors.ledger import FEED_RECORD_COLUMNS, Written
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import feed_records

KEY = ["subject", "ended_at"]


class FeedRecords(Store):
    """Reads and writes of feed records."""

    def feed_records(
        self, subjects: Sequence[str], start: datetime, end: datetime, *, all_versions: bool = False
    ) -> pd.DataFrame:
        """Records with ``start <= ended_at < end``: FEED_RECORD_COLUMNS."""
        conditions = (
            feed_records.c.subject.in_(subjects),
            feed_records.c.ended_at >= as_utc(start),
            feed_records.c.ended_at < as_utc(end),
        )
        choose = reads.read if all_versions else reads.newest
        with self._database.reading() as connection:
            return choose(connection, feed_records, FEED_RECORD_COLUMNS, *conditions)

    def newest_record(self, subjects: Sequence[str]) -> pd.DataFrame:
        """The newest stored record of each subject (at most one row each)."""
        latest = or_(false(), *[_is_latest(subject) for subject in subjects])
        return self._newest(feed_records, FEED_RECORD_COLUMNS, latest)

    def add_feed_records(
        self, records: pd.DataFrame, *, publication_delay: float, now: datetime
    ) -> Written:
        """Add a record frame; see ``Ledger.add_feed_records`` for what becomes a version."""
        now, delay = as_utc(now), pd.Timedelta(seconds=publication_delay)
        if records.empty:
            return Written(0)
        with self._database.writing(feed_records.name) as connection:
            versions = records[list(RECORD_COLUMNS)].assign(version=1)
            versions["observed_at"] = versions["ended_at"] + delay
            known = _known(connection, versions)
            if not known.empty:
                versions = _differing(versions, known, now)
            return bulk.add(connection, feed_records, versions)


def _is_latest(subject: str) -> ColumnElement[bool]:
    own = feed_records.alias()
    latest = select(own.c.ended_at).where(own.c.subject == subject)
    newest = latest.order_by(own.c.ended_at.desc()).limit(1).scalar_subquery()
    return and_(feed_records.c.subject == subject, feed_records.c.ended_at == newest)


def _known(connection: Connection, records: pd.DataFrame) -> pd.DataFrame:
    first, last = as_utc(records["ended_at"].min()), as_utc(records["ended_at"].max())
    return reads.newest(
        connection,
        feed_records,
        (*KEY, "version", *PRICE_COLUMNS),
        feed_records.c.subject.in_(records["subject"].unique().tolist()),
        feed_records.c.ended_at.between(first, last),
    )


def _differing(versions: pd.DataFrame, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """The records that are new or have other prices than the version known."""
    both = versions.merge(known, on=KEY, how="left", suffixes=("", "_known"), sort=False)
    seen = both["version_known"].notna()
    given = both[list(PRICE_COLUMNS)].to_numpy()
    stored = both[[f"{name}_known" for name in PRICE_COLUMNS]].to_numpy()
    equal = ((given == stored) | (pd.isna(given) & pd.isna(stored))).all(axis=1)
    both["version"] = both["version_known"].fillna(0).astype("int64") + 1
    both.loc[seen, "observed_at"] = pd.Timestamp(now)
    differing: pd.DataFrame = both.loc[~(seen & equal), list(versions.columns)]
    return differing
