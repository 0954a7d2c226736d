"""The ``file`` provider: candles that somebody recorded, read as they are or refused.

Add here what concerns asking a file for records; avoid parsing (``candles.file``) and judging
candles (``candles.checks``). Whether the last candle was finished cannot be seen in a file:
it is served like the others, and a later bar proves it final elsewhere.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, Feed, as_records, empty_records
from coordinator_pipelines.domain.feed_record.feed_record import instants
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.candles.checks import checked_candles
from coordinator_pipelines.feeds.candles.file import read_table
from coordinator_pipelines.feeds.candles.problems import pointing_to_the_guide
from coordinator_pipelines.feeds.candles.reading import Reading
from coordinator_pipelines.feeds.subjects import check_settings, known_subjects

logger = logging.getLogger(__name__)


class FileFeed(Feed):
    """Records from one file of candles; ``docs/feeds.md`` has the layouts that are read.

    The file is read when it is first asked, and again when it has changed. A file that is
    broken anywhere answers nothing: every call raises ``FeedDataError``.
    """

    def __init__(
        self,
        path: Path,
        *,
        subjects: Collection[str],
        granularity_seconds: int,
        layout: str | None = None,
        time_zone: str | None = None,
    ) -> None:
        self._path = path
        self._layout = layout
        self._time_zone = time_zone
        self._subjects = frozenset(subjects)
        self._granularity_seconds = granularity_seconds
        check_settings(self._subjects, granularity_seconds, self.source)

    @property
    def source(self) -> str:
        """``file:`` and the name of the file."""
        return f"file:{self._path.name}"

    @property
    def simulated(self) -> bool:
        """Never: a file holds what was recorded."""
        return False

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """The candles of the file with ``start <= ended_at < end``."""
        interval = [pd.Timestamp(as_utc(start)), pd.Timestamp(as_utc(end))]
        return _joined(
            records.iloc[slice(*records["ended_at"].searchsorted(interval))]
            for records in self._of(subjects)
        )

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The last candle of each subject that had ended by then."""
        instant = pd.Timestamp(as_utc(as_of))
        return _joined(
            records.iloc[: records["ended_at"].searchsorted(instant, side="right")].iloc[-1:]
            for records in self._of(subjects)
        )

    def _of(self, subjects: Sequence[str]) -> list[pd.DataFrame]:
        asked = known_subjects(subjects, self._subjects, self.source)
        records = self._read().records
        return [records[subject] for subject in asked]

    def reading(self) -> Reading:
        """How the file was read."""
        return self._read().reading

    def _read(self) -> "_Loaded":
        path = self._path.absolute()
        try:
            status = path.stat()
        except OSError as error:
            raise FeedConfigurationError(
                f"{path} cannot be opened: {error.strerror}. Correct the path of the feed."
            ) from error
        version = (status.st_mtime_ns, status.st_size)
        layout, zone = self._layout, self._time_zone
        with pointing_to_the_guide():
            return _load(path, version, self._granularity_seconds, self._subjects, layout, zone)


class _Loaded(NamedTuple):
    """What a file holds, and how it was read."""

    records: Mapping[str, pd.DataFrame]
    reading: Reading


@lru_cache(maxsize=4)
def _load(
    path: Path,
    version: tuple[int, int],
    granularity_seconds: int,
    subjects: frozenset[str],
    layout: str | None,
    time_zone: str | None,
) -> _Loaded:
    """Record frames by subject; shared within the process, so nobody writes to them."""
    del version  # only tells one state of the file from the next
    table, reading = read_table(path, layout, ZoneInfo(time_zone) if time_zone else None)
    candles = checked_candles(table, granularity_seconds, path.name)
    logger.info("%s: %s", path.name, reading)
    records = as_records(
        {
            "subject": _subject_column(candles["symbol"], subjects, path.name),
            "ended_at": instants(candles["ts"].to_numpy() + granularity_seconds),
            **{name: candles[name] for name in PRICE_COLUMNS},
            "source": f"file:{path.name}",
        }
    )
    by_subject = {str(subject): rows for subject, rows in records.groupby("subject")}
    known_subjects(subjects, by_subject, f"file:{path.name}")
    return _Loaded(by_subject, reading)


def _subject_column(symbols: pd.Series, subjects: frozenset[str], name: str) -> pd.Series | str:
    if symbols.iloc[0]:
        return symbols
    if len(subjects) > 1:
        raise FeedConfigurationError(
            f"{name} has no symbol column and so holds one subject, but the feed names "
            f"{', '.join(sorted(subjects))}. Add the column, or name one subject."
        )
    return next(iter(subjects))


def _joined(pieces: Iterable[pd.DataFrame]) -> pd.DataFrame:
    frames = list(pieces)
    return pd.concat(frames, ignore_index=True) if frames else empty_records()
