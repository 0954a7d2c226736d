r"""How much an ensemble trusts each model: the strategies and filters of ``ensembles``.

Add a strategy here; avoid reading what it looks at (``ensembles``) and combining answers
(``pool``).

``inverse_variance`` weighs by :math:`1 / \overline{e^2}` of each model's errors (Bates and Granger
1969): how far its answers were from what happened, not how much they moved. By the variance of the
answers themselves, a model that always says the same would be trusted most. Errors are taken
relative to the mean over all models, per prediction config, so that a large scale does not decide.

What a model adds is told by leaving it out: its weights are computed again as if it had never been
there, so that a copy of another model adds nothing.

Reference:
    Bates, J. M. and Granger, C. W. J. (1969): The combination of forecasts. Operational Research
    Quarterly 20, 451-468.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coordinator_pipelines.domain.ensemble.linear_pool import pool_weights
from coordinator_pipelines.domain.ensemble.past import Past
from coordinator_pipelines.domain.spec.ensemble import EnsembleSpec
from coordinator_pipelines.domain.values.errors import CallableError

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
OwnWeights = Callable[[str, pd.DataFrame], Any]

KEY = "ENSEMBLE_WEIGHTS"
DECIMALS = 9
LEAST_ERROR = 1e-9
"""The mean squared error of the most exact model, relative to the mean of all."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of an ensemble as of an instant; of a round, those who answer share them."""

    as_of: datetime
    of: Mapping[str, float] | None
    """Model id -> weight, of those that have one; None: everybody has the same."""
    basis: str
    """What they rest on, for people."""
    without: Mapping[str, "Weights"] = field(default_factory=dict)
    """What they would be if a model had never been there, where that is not the same."""

    def row(self, models: Sequence[str]) -> Array:
        """The weights of these models, not scaled."""
        if self.of is None:
            return np.ones(len(models))
        return np.array([self.of.get(model, 0.0) for model in models])

    def rows(self, models: Sequence[str]) -> Array:
        """The weights of these models, and in a row for each of them what they are without it."""
        table = np.tile(self.row(models), (len(models) + 1, 1))
        for place, model in enumerate(models, 1):
            if model in self.without:
                table[place] = self.without[model].row(models)
            table[place, place - 1] = 0.0
        return table


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of each model as of an instant: what strategies and filters look at."""

    models: tuple[str, ...]
    samples: NDArray[np.int64]
    """Own scores of each model in the past that the ensemble looks at."""
    quality: Array
    """What filters look at, turned so that higher is better; NaN where there is none."""
    threshold: float | None
    """The least of it that is let in."""
    past: Past | None
    """None where the strategy has no need of it."""
    scores: pd.DataFrame | None
    """Scores by round (rows) and model, for an author's own strategy."""


def everybody(as_of: datetime) -> Weights:
    """The weights of an ensemble that does not look back: whoever answers counts alike."""
    return Weights(as_of, None, "all models alike")


def weights(
    spec: EnsembleSpec, known: Known, as_of: datetime, least: int, own: OwnWeights | None
) -> Weights:
    """The weights of an ensemble, and what they would be without each model that has one.

    Args:
        spec: gives strategy and filters, and looks back.
        known: nothing but what was known at the instant.
        as_of: up to when the past reaches.
        least: samples below which a model has no weight.
        own: the author's callable, for the strategy ``author``.

    Raises:
        CallableError: the author's callable raised, or returned no weights.
    """
    there = np.ones(len(known.models), dtype=bool)
    whole = _weights(spec, known, there, as_of, least, own)
    without = {}
    for place, model in enumerate(known.models):
        if whole.of is not None and model in whole.of:
            others = there.copy()
            others[place] = False
            without[model] = _weights(spec, known, others, as_of, least, own)
    return Weights(as_of, whole.of, whole.basis, without)


def _weights(
    spec: EnsembleSpec,
    known: Known,
    there: Flags,
    as_of: datetime,
    least: int,
    own: OwnWeights | None,
) -> Weights:
    qualified = there & (known.samples >= least)
    if not qualified.any():
        return Weights(as_of, None, f"all models alike: none has {least} scores of its own yet")
    chosen = _filtered(spec, known, qualified)
    places = np.flatnonzero(chosen)
    shares = _shares(spec, known, places, own) if len(places) else np.empty(0)
    if len(places) and not shares.any():
        return Weights(as_of, None, "all models alike: nothing is known of their answers")
    told = np.round(shares, DECIMALS).tolist()
    of = {known.models[place]: share for place, share in zip(places, told, strict=True) if share}
    return Weights(as_of, of, f"{len(of)} of {int(there.sum())} models")


def _filtered(spec: EnsembleSpec, known: Known, qualified: Flags) -> Flags:
    """Of the models with enough samples, those that the filters let in."""
    if not spec.is_filtered:
        return qualified
    chosen = qualified & ~np.isnan(known.quality)
    if known.threshold is not None:
        chosen &= np.nan_to_num(known.quality, nan=-math.inf) >= known.threshold
    if spec.top_n is not None:
        best = np.argsort(np.where(chosen, -known.quality, np.inf), kind="stable")[: spec.top_n]
        among_best = np.zeros(len(chosen), dtype=bool)
        among_best[best] = True
        chosen &= among_best
    return chosen


def _shares(
    spec: EnsembleSpec, known: Known, places: NDArray[np.int64], own: OwnWeights | None
) -> Array:
    """The share of each of the chosen models, together 1; all 0 if nothing tells them."""
    if spec.strategy == "author" and own is not None and known.scores is not None:
        return _authors(own, spec.name, known.scores[[known.models[place] for place in places]])
    if spec.strategy == "inverse_variance" and known.past is not None:
        return _scaled(1 / np.maximum(_relative_errors(known.past, places), LEAST_ERROR))
    if spec.strategy == "log_score" and known.past is not None:
        return _stacked(known.past.likelihoods[:, places])
    return np.full(len(places), 1 / len(places))


def _relative_errors(past: Past, places: NDArray[np.int64]) -> Array:
    """The mean squared error of each model relative to all, averaged over its configs."""
    parts = []
    for config in np.unique(past.config):
        own = past.errors[past.config == config][:, places]
        said = ~np.isnan(own)
        count = said.sum(axis=0)
        total = np.where(said, own, 0.0).sum(axis=0)
        mean = np.divide(total, count, out=np.full(len(places), np.nan), where=count > 0)
        scale = total.sum() / max(1, count.sum())
        parts.append(mean / scale if scale > 0 else np.where(count > 0, 1.0, np.nan))
    table = np.array(parts).reshape(-1, len(places))
    known = ~np.isnan(table)
    count = known.sum(axis=0)
    total = np.where(known, table, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(len(places), np.inf), where=count > 0)
    return np.asarray(mean)


def _stacked(likelihoods: Array) -> Array:
    """Weights of those who ever gave a likelihood; none if nobody did."""
    said = (~np.isnan(likelihoods)).any(axis=0)
    shares = np.zeros(likelihoods.shape[1])
    if said.any():
        shares[said] = pool_weights(likelihoods[:, said])
    return shares


def _authors(own: OwnWeights, name: str, scores: pd.DataFrame) -> Array:
    """The weights that the author's callable gives to models.

    It gets the ensemble's name and the scores so far, a row per round (``performed_at``) and a
    column per model, NaN where a model has none; it returns an object with a weight, not below 0,
    for each model that is to count.
    """
    try:
        returned = own(name, scores.copy())
    except Exception as error:
        raise CallableError(f"{KEY} raised {type(error).__name__}: {error}") from error
    if not isinstance(returned, dict):
        kind = type(returned).__name__
        raise CallableError(f"{KEY} returned a {kind}, not an object of weights by model")
    for model, weight in returned.items():
        if model not in scores.columns:
            raise CallableError(f"{KEY} weighed {model!r}, which is not among the models")
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight < 0:
            raise CallableError(f"{KEY} gave {model!r} the weight {weight!r}, no number from 0")
    return _scaled(np.array([float(returned.get(model, 0)) for model in scores.columns]))


def _scaled(shares: Array) -> Array:
    largest = shares.max(initial=0.0)
    if largest <= 0:
        return np.zeros(len(shares))
    shares = shares / largest  # so that no sum overflows
    return np.asarray(shares / math.fsum(shares))
