"""Sufficient statistics of scores: sums per cell and bucket, from which windows are added up.

Add a sum here when a metric of a trailing window needs it; avoid metrics themselves, and
anything that needs the order of scores (those metrics read the scores of their window).
"""

import math
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from coordinator_pipelines.domain.doors.ledger import STATISTIC_COLUMNS
from coordinator_pipelines.domain.doors.models import Outcome
from coordinator_pipelines.domain.timeline.window import bucket_end

GROUP = ["mode", "prediction_config_id", "model_id", "bucket_end"]
IMPUTING_RULES = ("worst", "value", "baseline")


def score_statistics(scores: pd.DataFrame, bucket: timedelta) -> pd.DataFrame:
    """Sums over scores per (mode, config, model, bucket): a frame of STATISTIC_COLUMNS.

    Args:
        scores: the newest version of each cell's score; needs ``mode``,
            ``prediction_config_id``, ``model_id``, ``resolvable_at``, ``status``, ``value`` and
            ``rule``. Sums are exact up to the last digit, so their order plays no part.
        bucket: length of a bucket (end - bucket, end].

    With v the values that are not NaN: ``n`` = count, ``total`` = sum of v, ``squares`` = sum
    of (v - total / n)^2, ``log_wealth`` = sum of log(1 + v) over v > -1, ``n_ruin`` = count of
    v <= -1, ``n_positive`` = count of v > 0, ``n_imputed`` = count whose rule is not the
    scorer's. Outcomes are counted over all rows; a group without values has zeros. Sorted by
    (mode, config, model, bucket).
    """
    keys = scores.assign(bucket_end=bucket_end(scores["resolvable_at"], bucket))[GROUP]
    group = keys.groupby(GROUP, sort=True).ngroup().to_numpy(dtype="int64")
    _, first = np.unique(group, return_index=True)
    sums = pd.DataFrame(_values(scores, group) | _outcomes(scores, group))
    statistics = pd.concat([keys.iloc[first].reset_index(drop=True), sums], axis=1)
    return statistics[list(STATISTIC_COLUMNS)]


def _values(scores: pd.DataFrame, group: np.ndarray) -> dict[str, np.ndarray]:
    groups = int(group.max()) + 1 if len(group) else 0
    values = scores["value"].to_numpy(dtype="float64")
    present = ~np.isnan(values)
    value, of = values[present], group[present]
    imputed = scores["rule"].isin(IMPUTING_RULES).to_numpy()[present]
    n = np.bincount(of, minlength=groups)
    total = _sums(value, of, groups)
    mean = total / np.maximum(n, 1)
    solvent = value > -1
    return {
        "n": n,
        "n_imputed": np.bincount(of[imputed], minlength=groups),
        "total": total,
        "squares": _sums((value - mean[of]) ** 2, of, groups),
        "log_wealth": _sums(np.log1p(value[solvent]), of[solvent], groups),
        "n_ruin": np.bincount(of[~solvent], minlength=groups),
        "n_positive": np.bincount(of[value > 0], minlength=groups),
    }


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """The sum of each group's values, correctly rounded."""
    order = np.argsort(group, kind="stable")
    stops = np.cumsum(np.bincount(group, minlength=groups)).tolist()
    ordered = values[order].tolist()
    parts = (ordered[start:stop] for start, stop in pairwise([0, *stops]))
    return np.array([_sum(part) for part in parts], dtype="float64")


def _sum(values: list[float]) -> float:
    """Their sum; infinite where it leaves what a double holds, which a ledger refuses."""
    try:
        return math.fsum(values)
    except OverflowError:
        return sum(values)


def _outcomes(scores: pd.DataFrame, group: np.ndarray) -> dict[str, np.ndarray]:
    groups = int(group.max()) + 1 if len(group) else 0
    status = scores["status"].to_numpy(dtype=object)
    return {
        f"n_{outcome.lower()}": np.bincount(group[status == outcome.value], minlength=groups)
        for outcome in Outcome
    }
