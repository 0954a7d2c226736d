"""Rounds of trailing windows one by one: scores, signals and outcomes, aligned by their key.

Add here what brings rounds into this shape, and how they are read; avoid metrics of them
(``series_metrics``) and what sums give (``window_sums``).

Only a board with such a metric reads any of it, of no more than the longest window that one names.
They are read by the day, so that memory does not grow with the field, and a day once for all boards
of a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.certainty.series import score_series
from coordinator_pipelines.domain.doors.ledger import ANSWER_COLUMNS, Mode, TruthState
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.prediction_batch.answer_hash import is_unchanged
from coordinator_pipelines.domain.score.signal import outcomes, signals
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.days import ByDay
from coordinator_pipelines.domain.timeline.instant import microseconds
from coordinator_pipelines.domain.timeline.window import Window, trailing

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RoundSeries:
    """Rounds, ascending by ``performed_at``, then config. What is missing is NaN.

    ``performed_at`` and ``resolvable_at``: Unix microseconds. ``config``: which of the challenge's
    active configs, from 0. ``values`` (scores) and ``signals``: [model, round]. ``outcomes``: what
    came of each round.
    """

    models: tuple[str, ...]
    performed_at: Integers
    resolvable_at: Integers
    config: Integers
    values: Array
    signals: Array
    outcomes: Array

    def resolved_in(self, after: int, until: int) -> "RoundSeries":
        """The rounds with ``after < resolvable_at <= until``."""
        return self._taken((self.resolvable_at > after) & (self.resolvable_at <= until))

    def of(self, config: int) -> "RoundSeries":
        """The rounds of one config."""
        return self._taken(self.config == config)

    def _taken(self, chosen: NDArray[np.bool_] | Integers) -> "RoundSeries":
        return RoundSeries(
            self.models, self.performed_at[chosen], self.resolvable_at[chosen], self.config[chosen],
            self.values[:, chosen], self.signals[:, chosen], self.outcomes[chosen],
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence["RoundSeries"]) -> "RoundSeries":
        """Several series, of whatever models, as one."""
        models = tuple(sorted({model for part in parts for model in part.models}))
        performed = np.concatenate([part.performed_at for part in parts])
        config = np.concatenate([part.config for part in parts])
        whole = cls(
            models,
            performed,
            np.concatenate([part.resolvable_at for part in parts]),
            config,
            np.concatenate([_spread(part.values, part.models, models) for part in parts], axis=1),
            np.concatenate([_spread(part.signals, part.models, models) for part in parts], axis=1),
            np.concatenate([part.outcomes for part in parts]),
        )
        return whole._taken(np.lexsort((config, performed)))


def round_series(
    challenge: Challenge,
    scores: pd.DataFrame,
    answers: pd.DataFrame | None = None,
    truths: pd.DataFrame | None = None,
) -> RoundSeries:
    """The rounds that have a score, with what was answered and what came of them.

    Args:
        challenge: gives the configs, and what a signal is.
        scores: SCORE_VALUE_COLUMNS, each cell once.
        answers: ANSWER_COLUMNS of at least the same rounds, where signals are needed; those of
            other rounds are left out.
        truths: GROUND_TRUTH_COLUMNS of the same; only those that are final count.
    """
    configs = [config.id for config in challenge.configs]
    models = sorted(set(scores["model_id"]))
    known = score_series(scores, configs, models)
    keys = known.performed_at * max(1, len(configs)) + known.config
    said, came = np.full((len(models), len(keys)), np.nan), np.full(len(keys), np.nan)

    if answers is not None:
        answers = _counting(answers)
        model = pd.Index(models).get_indexer(pd.Index(answers["model_id"]))
        row = np.where(model >= 0, _rows(answers, configs, keys), -1)
        found = row >= 0
        said[model[found], row[found]] = signals(challenge, answers["output_json"][found])
    if truths is not None:
        truths = truths[(truths["state"] == TruthState.FINAL.value).to_numpy()]
        row = _rows(truths, configs, keys)
        came[row[row >= 0]] = outcomes(challenge, truths[row >= 0])
    return RoundSeries(
        tuple(models), known.performed_at, known.resolvable_at, known.config,
        np.ascontiguousarray(known.values.T), said, came,
    )  # fmt: skip


class SeriesReads(Protocol):
    """What must be read for the rounds of a window: a part of the ledger, and of reports."""

    def score_values(
        self,
        mode: Mode,
        after: datetime,
        until: datetime,
        model_ids: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """See ``doors.ledger``."""

    def predictions(
        self, mode: Mode, start: datetime, end: datetime, *, outputs: bool = True
    ) -> pd.DataFrame:
        """See ``doors.ledger``."""

    def ensemble_answers(self, mode: str, start: datetime, end: datetime) -> pd.DataFrame:
        """See ``doors.ensemble``."""

    def ground_truths(self, start: datetime, end: datetime) -> pd.DataFrame:
        """See ``doors.ledger``."""


class WindowSeries:
    """Reads the rounds of trailing windows of one mode, asked for in ascending order."""

    def __init__(self, challenge: Challenge, reads: SeriesReads, mode: Mode) -> None:
        self._challenge, self._reads, self._mode = challenge, reads, mode
        self._days = ByDay(self._read)

    def until(self, as_of: datetime) -> RoundSeries:
        """The rounds of the longest window, that ends at an instant, of which they are needed."""
        after, until = trailing(as_of, self._challenge.series_hours)
        whole = RoundSeries.joined(self._days.over(after, until))
        return whole.resolved_in(microseconds(after), microseconds(until))

    def _read(self, day: Window) -> RoundSeries:
        asked = day.start - max(config.cadence.horizon for config in self._challenge.configs)
        return read_rounds(
            self._challenge, self._reads, self._mode, day, asked,
            with_signals=self._challenge.reads_signals,
        )  # fmt: skip


def read_rounds(
    challenge: Challenge,
    reads: SeriesReads,
    mode: Mode,
    due: Window,
    asked_from: datetime,
    *,
    with_signals: bool,
) -> RoundSeries:
    """The rounds that became resolvable in a span, its start not included and its end included.

    Args:
        challenge: gives the configs and ensembles, and what a signal is.
        reads: the ledger, or what reports read of it.
        mode: of the rounds.
        due: the span.
        asked_from: what was answered before has no signal.
        with_signals: without them, answers and outcomes are not read.

    An answer that was changed since it was stored has no signal.
    """
    scores = reads.score_values(mode, due.start, due.end)
    virtual = None
    if challenge.ensembles:
        virtual = _counting(reads.ensemble_answers(mode, asked_from, due.end))
        scores = _with_virtual(scores, virtual[virtual["resolvable_at"] > due.start])
    if not with_signals:
        return round_series(challenge, scores)
    stored = _counting(reads.predictions(mode, asked_from, due.end))
    answers = stored.loc[is_unchanged(stored), list(ANSWER_COLUMNS)]
    truths = reads.ground_truths(asked_from, due.end)
    return round_series(challenge, scores, _with_virtual(answers, virtual), truths)


def _counting(answers: pd.DataFrame) -> pd.DataFrame:
    """Those that are answers: of success, and of ensembles those that were not withdrawn."""
    return answers[(answers["status"] == Outcome.SUCCESS.value).to_numpy()]


def _with_virtual(rows: pd.DataFrame, virtual: pd.DataFrame | None) -> pd.DataFrame:
    """Rows of participants and, in the same columns, those of ensembles."""
    if virtual is None or virtual.empty:
        return rows
    return pd.concat([rows, virtual[list(rows.columns)]], ignore_index=True)


def _rows(frame: pd.DataFrame, configs: Sequence[str], keys: Integers) -> Integers:
    """The place of each row's round among the keys; -1 if it is not there."""
    config = pd.Index(configs).get_indexer(pd.Index(frame["prediction_config_id"]))
    performed = frame["performed_at"].to_numpy("datetime64[us]").astype("int64")
    wanted = performed * max(1, len(configs)) + config
    place = np.searchsorted(keys, wanted)
    found = (config >= 0) & (place < len(keys))
    found[found] = keys[place[found]] == wanted[found]
    return np.where(found, place, -1)


def _spread(rows: Array, models: Sequence[str], wanted: Sequence[str]) -> Array:
    """Rows of some models as rows of others, NaN where there are none."""
    spread = np.full((len(wanted), rows.shape[1]), np.nan)
    spread[pd.Index(wanted).get_indexer(pd.Index(models))] = rows
    return spread
