r"""How much each changed score moved a model's mean, so that the parts add up to the change.

Add here what attributes a change; avoid finding the scores (``changed_scores``).

With :math:`n'` scores after the change, :math:`m` the mean before it, a score that was :math:`v`
and is :math:`v'` moved the mean by :math:`(v' - v) / n'`; one that was taken away by
:math:`(m - v) / n'`, one that came by :math:`(v' - m) / n'`. With
:math:`S' = S + \sum (v' - v) - \sum_{gone} v + \sum_{new} v'` these add up to
:math:`S'/n' - S/n` exactly. A mean over k prediction configs is moved by a k-th of it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counted:
    """Scores of a trailing window at one instant: arrays [model, config]."""

    n: Array
    total: Array

    @property
    def means(self) -> Array:
        """The mean of each config; NaN without scores."""
        return np.where(self.n > 0, self.total / np.maximum(self.n, 1), np.nan)

    @property
    def mean(self) -> Array:
        """The mean over the configs of each model; NaN where one has no scores."""
        return np.asarray(self.means.mean(axis=1))


def counted_at(now: Counted, was: pd.DataFrame, is_now: pd.DataFrame) -> Counted:
    """What was counted when some cells had other scores.

    ``now``: with the scores of ``is_now``. Both frames: ``model``, ``config`` (positions; -1 for
    none) and ``value`` of the cells that may differ, whole, within the window.
    """
    then_n, then_total = _sums(was, now.n.shape)
    now_n, now_total = _sums(is_now, now.n.shape)
    return Counted(now.n - now_n + then_n, now.total - now_total + then_total)


def parts(changed: pd.DataFrame, before: Counted, after: Counted) -> Array:
    """By how much each changed score moved its model's mean; NaN where that has no value.

    ``changed``: ``model``, ``config`` (positions in the arrays, -1 for none), ``value_before``,
    ``value``, within the window.
    """
    model, config = changed["model"].to_numpy(), changed["config"].to_numpy()
    known = (model >= 0) & (config >= 0)
    was, is_now = (changed[name].to_numpy("float64") for name in ("value_before", "value"))
    mean = before.means[model, config]
    moved = np.where(np.isnan(is_now), mean, is_now) - np.where(np.isnan(was), mean, was)
    whole = ~np.isnan(before.mean)[model] & ~np.isnan(after.mean)[model]
    configs = before.n.shape[1]
    share = moved / (np.maximum(after.n[model, config], 1) * configs)
    return np.where(known & whole, share, np.nan)


def _sums(cells: pd.DataFrame, shape: tuple[int, ...]) -> tuple[Array, Array]:
    counted = cells[(cells["model"] >= 0) & (cells["config"] >= 0) & cells["value"].notna()]
    places = (counted["model"].to_numpy(), counted["config"].to_numpy())
    n, total = np.zeros(shape), np.zeros(shape)
    np.add.at(n, places, 1.0)
    np.add.at(total, places, counted["value"].to_numpy("float64"))
    return n, total
