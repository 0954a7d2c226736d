"""What ensembles look back at, read once for all ensembles and instants of a span.

Add here what must be read of the past; avoid what is made of it (``past``, ``weights``) and which
instants are asked for (``ensembles``).

Every instant's window is cut from what was read in memory, and summed afresh: what is known of an
instant does not depend on which others are asked for with it.
"""

from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.ensemble.past import Past, joined, past_of
from coordinator_pipelines.domain.ensemble.weights import Known
from coordinator_pipelines.domain.membership.standing import histories
from coordinator_pipelines.domain.model_score.model_score import statistics_of
from coordinator_pipelines.domain.model_score.window_sums import WindowSums
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.timeline.days import ByDay
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import Window, trailing

LOWER_IS_BETTER = ("volatility",)
READS_ANSWERS = ("inverse_variance", "log_score")


class Lookback:
    """Reads the past of one mode, for spans of instants asked for in ascending order."""

    def __init__(self, challenge: Challenge, ledger: Ledger, mode: Mode) -> None:
        self.challenge, self.ledger, self.mode = challenge, ledger, mode
        self.models = tuple(each.model_id for each in histories(ledger.memberships(mode)))
        self.days = ByDay(self._read)

    def over(self, first: datetime, last: datetime) -> "SpanPast":
        """The past of all instants from the first to the last, both ends of buckets."""
        return SpanPast(self, first, last)

    def _read(self, day: Window) -> Past:
        """The rounds that were resolvable in a day, both ends included; asked before or in it."""
        configs = self.challenge.configs
        start = day.start - max(config.cadence.horizon for config in configs)
        predictions = self.ledger.predictions(self.mode, start, day.end)
        due = predictions["resolvable_at"]
        predictions = predictions[(due > day.start) & (due <= day.end)]
        predictions = predictions[is_unchanged(predictions)]
        truths = self.ledger.ground_truths(start, day.end)
        return past_of(predictions, truths, [config.id for config in configs], self.models)


class SpanPast:
    """The past of the instants of a span; each part of it is read when it is first looked at."""

    def __init__(self, source: Lookback, first: datetime, last: datetime) -> None:
        self._source, self._first, self._last = source, first, last
        self._after = first - timedelta(hours=source.challenge.longest_window_hours)

    def known(self, spec: EnsembleSpec, as_of: datetime) -> Known:
        """What an ensemble may know as of an instant of the span."""
        hours = spec.window_hours or self._source.challenge.longest_window_hours
        after, until = trailing(as_of, hours)
        sums = self._sums.window(as_of, hours)
        quality = statistics_of(sums)[spec.filter_by or "mean"].mean(axis=1)
        samples = (sums["n"] - sums["n_imputed"]).sum(axis=1).astype(np.int64)
        sign = self._sign(spec)
        past = None
        if spec.strategy in READS_ANSWERS:
            past = self._rounds.between(microseconds(after), microseconds(until))
        return Known(
            self._source.models,
            samples,
            quality * sign,
            None if spec.threshold is None else spec.threshold * sign,
            past,
            self._scores_between(after, until) if spec.strategy == "author" else None,
        )

    def _sign(self, spec: EnsembleSpec) -> float:
        """1 where a higher value of the filter's statistic is better, else -1."""
        statistic = spec.filter_by or "mean"
        if statistic in ("mean", "mean_return"):
            return 1.0 if self._source.challenge.score_direction == "desc" else -1.0
        return -1.0 if statistic in LOWER_IS_BETTER else 1.0

    @cached_property
    def _sums(self) -> WindowSums:
        own = self._source
        statistics = own.ledger.score_statistics(own.mode, self._after, self._last)
        return WindowSums(own.challenge, statistics, own.models, [self._first, self._last])

    @cached_property
    def _rounds(self) -> Past:
        return joined(self._source.days.over(self._after, self._last))

    @cached_property
    def _scores(self) -> pd.DataFrame:
        return self._source.ledger.score_values(self._source.mode, self._after, self._last)

    def _scores_between(self, after: datetime, until: datetime) -> pd.DataFrame:
        """Scores by round and model, for an author's callable."""
        due = self._scores["resolvable_at"]
        table = self._scores[(due > after) & (due <= until)].pivot(
            index=["performed_at", "prediction_config_id"], columns="model_id", values="value"
        )
        return table.reindex(columns=list(self._source.models)).droplevel("prediction_config_id")
