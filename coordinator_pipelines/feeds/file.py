"""The ``file`` provider: candles that somebody recorded, read as they are or refused.

Add here what concerns asking a file for records; avoid parsing (``candles.file``) and judging
candles (``candles.checks``). Whether the last candle was finished cannot be seen in a file:
it is served like the others, and a later bar proves it final elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pandas as pd

from coordinator_pipelines.domain.doors.feed import PRICE_COLUMNS, Feed, as_records, empty_records
from coordinator_pipelines.domain.feed_record.feed_record import instants
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.candles.checks import checked_candles
from coordinator_pipelines.feeds.candles.file import read_table
from coordinator_pipelines.feeds.subjects import check_settings, known_subjects


class FileFeed(Feed):
    """Records from one CSV, CSV.gz or Parquet file of candles; ``docs/feeds.md`` has the format.

    The file is read when it is first asked, and again when it has changed. A file that is
    broken anywhere answers nothing: every call raises ``FeedDataError``.
    """

    def __init__(self, path: Path, *, subjects: Collection[str], granularity_seconds: int) -> None:
        self._path = path
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
        records = self._records_by_subject()
        return [records[subject] for subject in asked]

    def _records_by_subject(self) -> Mapping[str, pd.DataFrame]:
        path = self._path.absolute()
        try:
            status = path.stat()
        except OSError as error:
            raise FeedConfigurationError(
                f"{path} cannot be opened: {error.strerror}. Correct the path of the feed."
            ) from error
        version = (status.st_mtime_ns, status.st_size)
        return _load(path, version, self._granularity_seconds, self._subjects)


@lru_cache(maxsize=4)
def _load(
    path: Path, version: tuple[int, int], granularity_seconds: int, subjects: frozenset[str]
) -> Mapping[str, pd.DataFrame]:
    """Record frames by subject; shared within the process, so nobody writes to them."""
    del version  # only tells one state of the file from the next
    candles = checked_candles(read_table(path), granularity_seconds, path.name)
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
    return by_subject


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
