"""The ``simulated`` provider: made-up bars along a seeded price path.

Add here what makes bars of the path; avoid the path itself (``brownian``). Nothing here falls
in for missing data of another provider: a challenge has this feed only if its spec says so.
The path has no end: the provider answers for the future as well, and whoever asks decides
what is final by now.
"""

import math
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from coordinator_pipelines.domain.doors.feed import Feed, as_records, empty_records
from coordinator_pipelines.domain.feed_record.feed_record import grid_epochs, instants
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.feeds.brownian import exponential, gaussian, stream, values
from coordinator_pipelines.feeds.subjects import check_settings, known_subjects

YEAR_SECONDS = 365 * 86400
SAMPLES_PER_BAR = 6
MEAN_VOLUME_PER_SECOND = 0.25

Seconds = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


class SimulatedFeed(Feed):
    """Bars of a geometric Brownian path that depends on (seed, subject, instant) alone.

    ``price(t) = start_price * exp(volatility per square-root second * W(t))``, rounded to
    ``tick_size``; a bar opens at the price of its start and closes at that of its end, so
    bars chain. ``annual_volatility`` is the standard deviation of a year's log return.
    """

    def __init__(
        self,
        *,
        seed: int,
        granularity_seconds: int,
        subjects: Collection[str],
        start_price: float = 60000.0,
        annual_volatility: float = 0.6,
        tick_size: float = 1.0,
    ) -> None:
        self._seed = seed
        self._granularity_seconds = granularity_seconds
        self._subjects = frozenset(subjects)
        self._start_price = start_price
        self._sigma = annual_volatility / math.sqrt(YEAR_SECONDS)
        self._tick_size = tick_size
        check_settings(self._subjects, granularity_seconds, self.source)
        if not (0 < tick_size <= start_price < math.inf and 0 < annual_volatility <= 100):
            raise FeedConfigurationError(
                f"feed simulated: 0 < tick_size ({tick_size}) <= start_price ({start_price}) and "
                f"0 < annual_volatility ({annual_volatility}) <= 100 must hold"
            )

    @property
    def source(self) -> str:
        """``simulated``, whatever the seed."""
        return "simulated"

    @property
    def simulated(self) -> bool:
        """Always."""
        return True

    def records(self, subjects: Sequence[str], start: datetime, end: datetime) -> pd.DataFrame:
        """The bars with ``start <= ended_at < end``; none is ever missing."""
        asked = known_subjects(subjects, self._subjects, self.source)
        ended = grid_epochs(start, end, self._granularity_seconds)
        bars = [self._bars(subject, ended) for subject in asked if ended.size]
        return pd.concat(bars, ignore_index=True) if bars else empty_records()

    def latest(self, subjects: Sequence[str], as_of: datetime) -> pd.DataFrame:
        """The bar of each subject that ended last by then."""
        asked = known_subjects(subjects, self._subjects, self.source)
        size = self._granularity_seconds
        ended = np.array([math.floor(as_utc(as_of).timestamp()) // size * size])
        bars = [self._bars(subject, ended) for subject in asked]
        return pd.concat(bars, ignore_index=True) if bars else empty_records()

    def _bars(self, subject: str, ended: Seconds) -> pd.DataFrame:
        """Bars that end at ``ended``, which are adjacent."""
        size = self._granularity_seconds
        offsets = np.arange(SAMPLES_PER_BAR) * size // SAMPLES_PER_BAR
        within = (ended[:, None] - size + offsets).ravel()
        prices = self._prices(subject, np.append(within, ended[-1]))
        samples = prices[:-1].reshape(-1, SAMPLES_PER_BAR)
        opened, closed = samples[:, 0], prices[SAMPLES_PER_BAR::SAMPLES_PER_BAR]
        return as_records(
            {
                "subject": subject,
                "ended_at": instants(ended),
                "open": opened,
                "high": np.maximum(samples.max(axis=1), closed),
                "low": np.minimum(samples.min(axis=1), closed),
                "close": closed,
                "volume": self._volumes(subject, ended),
                "source": self.source,
            }
        )

    def _prices(self, subject: str, seconds: Seconds) -> Numbers:
        path = values(f"{self._seed}/{subject}", seconds)
        exact = self._start_price * exponential(self._sigma * path)
        ticks = np.maximum(np.rint(exact / self._tick_size), 1)
        return np.round(ticks * self._tick_size, _decimals(self._tick_size))

    def _volumes(self, subject: str, ended: Seconds) -> Numbers:
        spread = exponential(gaussian(stream(f"{self._seed}/{subject}/volume"), ended))
        mean = MEAN_VOLUME_PER_SECOND * self._granularity_seconds
        return np.round(mean * spread / math.exp(0.5), 5)


def _decimals(tick_size: float) -> int:
    exponent = Decimal(str(tick_size)).normalize().as_tuple().exponent
    return max(0, -int(exponent))
