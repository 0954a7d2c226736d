"""Model scores: the metrics of each model over the trailing windows that end at an instant.

Add here what a model score says; avoid sums (``window_sums``), what needs rounds one by one
(``series_metrics``), statistics (``metrics.summary``), who is ranked (``leaderboard``) and an
author's own aggregator (``author.metrics``).

A metric is computed per active prediction config and then averaged with equal weights; it is
null unless every active config has a value. What has no data is null and a count of 0.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.doors.ledger import MODEL_SCORE_COLUMNS, Mode
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.doors.published import model_score_hash
from coordinator_pipelines.domain.membership.expectation import gap_rounds
from coordinator_pipelines.domain.membership.standing import Standing, histories
from coordinator_pipelines.domain.metrics import summary
from coordinator_pipelines.domain.model_score.round_series import RoundSeries
from coordinator_pipelines.domain.model_score.series_metrics import series_metrics
from coordinator_pipelines.domain.model_score.window_sums import Sums, WindowSums
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.content import canonical

COLUMNS = [name for name in MODEL_SCORE_COLUMNS if name != "version"]


def model_scores(
    challenge: Challenge,
    statistics: pd.DataFrame,
    memberships: pd.DataFrame,
    as_of: Sequence[datetime],
    *,
    mode: Mode,
    run_id: str,
    edges: pd.DataFrame | None = None,
    scorable_rounds: pd.DataFrame | None = None,
    series: Callable[[datetime], RoundSeries] | None = None,
) -> pd.DataFrame:
    """One row per (as_of, model that had joined by then): MODEL_SCORE_COLUMNS without version.

    Args:
        challenge: gives windows, metrics and policies.
        statistics: buckets of the mode over (min(as_of) - longest window, max(as_of)].
        memberships: all memberships of the mode.
        as_of: instants, in the order of the result.
        mode: of all the frames.
        run_id: who computed it.
        edges: scores of ``window_sums.edge_spans``, for instants within a bucket.
        scorable_rounds: rounds over ``expectation.scorable_span``, if that is not None.
        series: the rounds of the longest window that ends at an instant, of which a metric needs
            them one by one; None if no metric does. Asked in the order of ``as_of``.

    ``metrics_json``: ``{name: number or null}``. ``payload_json``: ``{"windows": {name: {"n",
    "n_imputed", "expected", "coverage", "mature", "outcomes", "by_config"}}, "member":
    {"joined_at", "left_at"}}``. The hash covers both and nothing else.
    """
    if len(as_of) == 0:
        return pd.DataFrame(columns=COLUMNS)
    models = histories(memberships)
    ids = [model.model_id for model in models]
    sums = WindowSums(challenge, statistics, ids, as_of, edges)
    windows = challenge.trailing_windows_hours
    gaps = {
        name: gap_rounds(challenge, models, scorable_rounds, as_of, hours)
        for name, hours in windows.items()
    }
    rows = []
    for i, instant in enumerate(map(as_utc, as_of)):
        rounds = series(instant) if series else None
        boards = {
            name: _Window(
                challenge,
                name,
                instant,
                sums.window(instant, hours),
                gaps[name][i],
                series_metrics(challenge, rounds, name, instant, ids) if rounds else {},
            )
            for name, hours in windows.items()
        }
        standings = ((k, model.standing(instant)) for k, model in enumerate(models))
        rows += [
            (mode.value, instant, standing.model_id, *_content(challenge, boards, k, standing))
            for k, standing in standings
            if standing is not None
        ]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1]).assign(run_id=run_id)
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).astype("datetime64[us, UTC]")
    return frame[COLUMNS]


class _Window:
    """One trailing window at one instant, for all models at once."""

    def __init__(
        self,
        challenge: Challenge,
        name: str,
        as_of: datetime,
        sums: Sums,
        gap_rounds: NDArray[np.int64],
        of_rounds: dict[str, NDArray[np.float64]],
    ) -> None:
        """``of_rounds``: the metrics that are no sums, by name: [model, config]."""
        self._configs = [config.id for config in challenge.configs]
        self._start = as_of - timedelta(hours=challenge.trailing_windows_hours[name])
        statistics = statistics_of(sums)
        metrics = [metric for metric in challenge.metrics if metric.window == name]
        by_config = {
            metric.name: of_rounds[metric.name]
            if metric.name in of_rounds
            else np.where(sums["n"] >= metric.least_rounds, statistics[metric.statistic], np.nan)
            for metric in metrics
        }
        self._metrics = {name: values.mean(axis=1).tolist() for name, values in by_config.items()}
        self._by_config = {name: values.tolist() for name, values in by_config.items()}
        self._n_by_config = sums["n"].astype(int).tolist()
        self._n = _total(sums["n"])
        self._n_imputed = _total(sums["n_imputed"])
        self._gap_rounds = gap_rounds.tolist()
        self._outcomes = {o.value: _total(sums[f"n_{o.value.lower()}"]) for o in Outcome}

    def metrics(self, model: int) -> dict[str, float | None]:
        """The metrics of this window, averaged over the configs."""
        return {name: _finite(values[model]) for name, values in self._metrics.items()}

    def payload(self, model: int, joined_at: datetime) -> dict[str, Any]:
        """Counts, coverage and the values per config."""
        outcomes = {name: counts[model] for name, counts in self._outcomes.items()}
        expected = sum(outcomes.values()) + self._gap_rounds[model]
        n, imputed = self._n[model], self._n_imputed[model]
        return {
            "n": n,
            "n_imputed": imputed,
            "expected": expected,
            "coverage": (n - imputed) / expected if expected else None,
            "mature": joined_at <= self._start,
            "outcomes": outcomes,
            "by_config": {
                config: {
                    "n": self._n_by_config[model][k],
                    **{name: _finite(rows[model][k]) for name, rows in self._by_config.items()},
                }
                for k, config in enumerate(self._configs)
            },
        }


def _content(
    challenge: Challenge, windows: dict[str, _Window], model: int, standing: Standing
) -> tuple[str, str, str]:
    """``metrics_json, payload_json, content_hash`` of one model."""
    values: dict[str, float | None] = {}
    for window in windows.values():
        values |= window.metrics(model)
    metrics = {metric.name: values[metric.name] for metric in challenge.metrics}
    left = standing.left_at
    payload = {
        "windows": {
            name: window.payload(model, standing.joined_at) for name, window in windows.items()
        },
        "member": {
            "joined_at": standing.joined_at.isoformat(),
            "left_at": left.isoformat() if left else None,
        },
    }
    digest = model_score_hash(metrics, payload)
    return canonical(metrics), canonical(payload), digest


def statistics_of(sums: Sums) -> dict[str, NDArray[np.float64]]:
    """Every statistic that sums give, as an array [model, config]."""
    n = sums["n"]
    average = summary.mean(n, sums["total"])
    deviation = summary.volatility(n, sums["squares"])
    return {
        "mean": average,
        "mean_return": average,
        "volatility": deviation,
        "sharpe_like": summary.sharpe_like(average, deviation),
        "wealth": summary.wealth(n, sums["log_wealth"], sums["n_ruin"]),
        "hit_rate": summary.hit_rate(n, sums["n_positive"]),
    }


def _total(counts: NDArray[np.float64]) -> list[int]:
    return [int(count) for count in counts.sum(axis=1)]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
